/** Every view's address. Each area's code is loaded when it is first visited. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";

import { Failure, Waiting } from "@/components/ui/States";
import { filesSearch } from "@/lib/api/files";
import { categoriesQuery } from "@/lib/api/lookups";
import { historySearch } from "@/lib/api/operations";
import { accessToken, refreshSession } from "@/lib/api/session";
import { text } from "@/lib/text";

import { NotThere, Shell } from "./Shell";

const rootRoute = createRootRouteWithContext<{ queryClient: QueryClient }>()({ notFoundComponent: NotThere });

const gate = lazyRouteComponent(() => import("@/features/account/components/Gate"), "SignIn");
const signIn = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { back?: string } =>
    typeof search.back === "string" && /^\/(?!\/)/.test(search.back) ? { back: search.back } : {},
  component: gate,
});
const setUp = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  component: lazyRouteComponent(() => import("@/features/account/components/Gate"), "SetUp"),
});

/** Everything behind the door: without a session it leads to the door, and back afterwards. */
const inside = createRoute({
  getParentRoute: () => rootRoute,
  id: "inside",
  beforeLoad: async ({ location }) => {
    if (accessToken() !== null || (await refreshSession())) return;
    throw redirect({ to: "/sign-in", search: { back: location.href } });
  },
  // Nearly every view has colours of categories: they are asked for beside what the view itself asks for.
  loader: ({ context }) => void context.queryClient.prefetchQuery(categoriesQuery()),
  component: Shell,
});

const overview = createRoute({
  getParentRoute: () => inside,
  path: "/",
  component: lazyRouteComponent(() => import("@/features/overview/components/Overview"), "Overview"),
});
const organize = createRoute({
  getParentRoute: () => inside,
  path: "/organize",
  component: lazyRouteComponent(() => import("@/features/organize/components/Organize"), "Organize"),
});
const plan = createRoute({
  getParentRoute: () => inside,
  path: "/plans/$id",
  component: lazyRouteComponent(() => import("@/features/plan/components/PlanView"), "PlanView"),
});
const run = createRoute({
  getParentRoute: () => inside,
  path: "/runs/$id",
  validateSearch: (search: Record<string, unknown>): { undo?: true } => (search.undo === true ? { undo: true } : {}),
  component: lazyRouteComponent(() => import("@/features/run/components/RunView"), "RunView"),
});
const history = createRoute({
  getParentRoute: () => inside,
  path: "/history",
  validateSearch: historySearch,
  component: lazyRouteComponent(() => import("@/features/history/components/History"), "History"),
});
const duplicates = createRoute({
  getParentRoute: () => inside,
  path: "/duplicates",
  validateSearch: (search: Record<string, unknown>): { of?: string } =>
    typeof search.of === "string" ? { of: search.of } : {},
  component: lazyRouteComponent(() => import("@/features/duplicates/components/Duplicates"), "Duplicates"),
});
const trash = createRoute({
  getParentRoute: () => inside,
  path: "/trash",
  component: lazyRouteComponent(() => import("@/features/duplicates/components/Trash"), "Trash"),
});
const files = createRoute({
  getParentRoute: () => inside,
  path: "/files",
  validateSearch: filesSearch,
  component: lazyRouteComponent(() => import("@/features/files/components/Files"), "Files"),
});
const reports = createRoute({
  getParentRoute: () => inside,
  path: "/reports",
  component: lazyRouteComponent(() => import("@/features/reports/components/Reports"), "Reports"),
});
const report = createRoute({
  getParentRoute: () => inside,
  path: "/reports/$id",
  component: lazyRouteComponent(() => import("@/features/reports/components/ReportView"), "ReportView"),
});
const categories = createRoute({
  getParentRoute: () => inside,
  path: "/categories",
  component: lazyRouteComponent(() => import("@/features/categories/components/Categories"), "Categories"),
});
const settings = createRoute({
  getParentRoute: () => inside,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/features/settings/components/Settings"), "Settings"),
});
const admin = createRoute({
  getParentRoute: () => inside,
  path: "/admin",
  component: lazyRouteComponent(() => import("@/features/admin/components/Admin"), "Admin"),
});

const tree = rootRoute.addChildren([
  signIn,
  setUp,
  inside.addChildren([
    overview,
    organize,
    plan,
    run,
    history,
    duplicates,
    trash,
    files,
    reports,
    report,
    categories,
    settings,
    admin,
  ]),
]);

/** The router. */
export function makeRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queryClient },
    defaultPreload: "intent",
    defaultPendingComponent: () => <Waiting for={text("waiting.page")} />,
    defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
