import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where `make run` serves; `npm run dev` passes what it doesn't know on to it. */
const SERVER = process.env.FILEORGANIZER_SERVER ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  build: {
    // The server looks here, and the wheel carries it.
    outDir: "../src/backend/dashboard",
    emptyOutDir: true,
    // The policy of the server allows no data: fonts and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
  },
  server: {
    port: 5173,
    proxy: {
      "/api": { target: SERVER, changeOrigin: false },
      "/ws": { target: SERVER, ws: true, changeOrigin: false },
    },
  },
  test: { environment: "jsdom", setupFiles: ["src/testing/setup.ts"], restoreMocks: true },
});
