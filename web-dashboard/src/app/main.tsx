/** Where it begins. */
import "@fontsource-variable/hanken-grotesk/wght.css";
import "./tokens.css";
import "./base.css";
import "./shell.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Problem, Unreachable } from "@/lib/api/client";
import { language } from "@/lib/language";
import { applyTheme } from "@/lib/theme";

import { makeRouter } from "./router";

const RETRIES = 3;
const AWAY_MS = 5_000;

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal stays one; a server that restarts is waited for.
      retry: (times, error) => !(error instanceof Problem) && times < RETRIES,
      retryDelay: (times) => 500 * 2 ** times,
      staleTime: 5_000,
      // Whoever sees that the server is away sees it come back.
      refetchInterval: (query) => query.state.error instanceof Unreachable && AWAY_MS,
      refetchOnWindowFocus: (query) => !(query.state.error instanceof Unreachable),
    },
  },
});

applyTheme();
document.documentElement.lang = language();

const router = makeRouter(queryClient);
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
