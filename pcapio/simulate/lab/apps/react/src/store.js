import { configureStore, createAsyncThunk, createSlice } from "@reduxjs/toolkit";
import * as api from "./api.js";

export const load = createAsyncThunk("shop/load", api.items);
export const greet = createAsyncThunk("shop/greet", api.hello);
// ask sends one of the other questions: its name, and what it takes.
export const ask = createAsyncThunk("shop/ask", ([question, ...values]) => api[question](...values));

const shop = createSlice({
  name: "shop",
  initialState: { items: [], text: "", greeting: "" },
  reducers: {},
  extraReducers: (builder) =>
    builder
      .addCase(load.fulfilled, (state, { payload }) => void (state.items = payload))
      .addCase(greet.fulfilled, (state, { payload }) => void (state.greeting = payload))
      .addCase(ask.fulfilled, (state, { payload }) => void (state.text = payload)),
});

export const store = configureStore({ reducer: shop.reducer });
