/** What stands around every view: the way to all areas, who is signed in, and a word when the server is away. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import { Unreachable, answer, api } from "@/lib/api/client";
import { meQuery } from "@/lib/api/lookups";
import { accessToken, keepToken, onSessionChange } from "@/lib/api/session";
import type { Key } from "@/lib/strings";
import { useText } from "@/lib/text";

import mark from "@/components/ui/mark.svg";

const AREAS = [
  ["/", "nav.overview"],
  ["/organize", "nav.organize"],
  ["/history", "nav.history"],
  ["/duplicates", "nav.duplicates"],
  ["/trash", "nav.trash"],
  ["/files", "nav.files"],
  ["/reports", "nav.reports"],
  ["/categories", "nav.categories"],
] as const satisfies readonly (readonly [string, Key])[];

/** What the window is called, by the beginning of the address. */
const TITLES: readonly (readonly [string, Key])[] = [
  ...AREAS.slice(1),
  ["/plans", "plan.eyebrow"],
  ["/runs", "file.operation"],
  ["/settings", "nav.settings"],
  ["/admin", "nav.admin"],
];

export function Shell() {
  const t = useText();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const me = useQuery(meQuery());
  useDoor();
  const title = t(TITLES.find(([area]) => path.startsWith(area))?.[1] ?? "nav.overview");
  useEffect(() => {
    document.title = `${title} · FileOrganizer Pro`;
  }, [title]);
  const shown = useRef(path);
  useEffect(() => {
    // A reader is told of the new view, and Tab goes on in it.
    if (shown.current !== path) main.current?.focus({ preventScroll: true });
    shown.current = path;
  }, [path]);
  const [seen, setSeen] = useState(path);
  if (seen !== path) {
    setSeen(path);
    setOpen(false);
  }
  return (
    <div className="shell">
      <a className="button skip" href="#main" onClick={() => main.current?.focus()}>
        {t("nav.skip")}
      </a>
      <header className="rail" data-open={open}>
        <div className="top">
          <Link to="/" className="brand">
            <img src={mark} alt="" />
            FileOrganizer Pro
          </Link>
          <button type="button" className="button slim menu-button" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t("nav.menu")}
          </button>
        </div>
        <nav aria-label={t("nav.label")}>
          <ul>
            {AREAS.map(([to, key]) => (
              <li key={to}>
                <Link to={to} activeOptions={{ exact: to === "/" }}>
                  {t(key)}
                </Link>
              </li>
            ))}
          </ul>
          <hr />
          <ul>
            <li>
              <Link to="/settings">{t("nav.settings")}</Link>
            </li>
            {me.data?.is_admin && (
              <li>
                <Link to="/admin">{t("nav.admin")}</Link>
              </li>
            )}
          </ul>
        </nav>
        <div className="who small soft">
          <span>{me.data?.username}</span>
          <SignOut />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className="page">
        <Outlet />
      </main>
      <Offline />
    </div>
  );
}

/** When the session ends while a view is open, go to the door, and come back here afterwards. */
function useDoor() {
  const token = useSyncExternalStore(onSessionChange, accessToken);
  const navigate = useNavigate();
  const here = useRouterState({ select: (state) => state.location.href });
  useEffect(() => {
    if (token === null && !here.startsWith("/sign-in")) void navigate({ to: "/sign-in", search: { back: here } });
  }, [token, navigate, here]);
}

function SignOut() {
  const t = useText();
  const client = useQueryClient();
  async function leave() {
    await answer(api.POST("/api/v1/auth/logout", {}));
    keepToken(null);
    client.clear();
  }
  return (
    <button type="button" className="button quiet slim" onClick={() => void leave()}>
      {t("nav.sign-out")}
    </button>
  );
}

/** A word when the last question didn't reach the server; it goes when one does. */
function Offline() {
  const t = useText();
  const cache = useQueryClient().getQueryCache();
  const away = useSyncExternalStore(
    (changed) => cache.subscribe(changed),
    () => cache.getAll().some((query) => (query.state.error ?? query.state.fetchFailureReason) instanceof Unreachable),
  );
  if (!away) return null;
  return (
    <p className="notice warn offline" role="status">
      {t("error.offline")}
    </p>
  );
}

export function NotThere() {
  const t = useText();
  return (
    <main className="page empty">
      <h1>{t("error.not-there")}</h1>
      <Link to="/" className="button">
        {t("nav.overview")}
      </Link>
    </main>
  );
}
