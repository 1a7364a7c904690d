// The names of what is built are the same each time: users fetch it by name.
export default {
  esbuild: { jsx: "automatic" },
  build: { rollupOptions: { output: { entryFileNames: "assets/shop.js" } } },
};
