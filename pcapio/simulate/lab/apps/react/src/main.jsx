import { createRoot } from "react-dom/client";
import { Provider } from "react-redux";
import Shop from "./Shop.jsx";
import { store } from "./store.js";

createRoot(document.getElementById("app")).render(
  <Provider store={store}>
    <Shop />
  </Provider>,
);
