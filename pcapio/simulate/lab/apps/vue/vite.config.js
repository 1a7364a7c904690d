import vue from "@vitejs/plugin-vue";

// The names of what is built are the same each time: users fetch it by name.
export default {
  plugins: [vue()],
  build: { rollupOptions: { output: { entryFileNames: "assets/shop.js" } } },
};
