/** Who is signed in. The access token lives in memory only; the refresh token in a cookie that scripts can't read. */

export interface Tokens {
  access_token: string;
  user_id: string;
}

type Listener = () => void;

let token: string | null = null;
const listeners = new Set<Listener>();

/** The access token, or null when nobody is signed in. */
export function accessToken(): string | null {
  return token;
}

/** Take new tokens, or none. */
export function keepToken(tokens: Tokens | null): void {
  token = tokens?.access_token ?? null;
  for (const listener of listeners) listener();
}

/** For useSyncExternalStore. */
export function onSessionChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let running: Promise<boolean> | null = null;

/**
 * Get a new access token by the cookie; false when there is no session.
 * Tabs wait for each other: a refresh token can be used once.
 */
export function refreshSession(): Promise<boolean> {
  running ??= exclusively(askForToken).finally(() => {
    running = null;
  });
  return running;
}

async function exclusively(work: () => Promise<boolean>): Promise<boolean> {
  // Locks exist on secure origins only; a server in a LAN without TLS has none.
  return "locks" in navigator ? navigator.locks.request("fileorganizer-refresh", work) : work();
}

async function askForToken(): Promise<boolean> {
  const response = await fetch("/api/v1/auth/refresh", { method: "POST", credentials: "same-origin" });
  if (response.status === 401 || response.status === 403) {
    keepToken(null);
    return false;
  }
  if (!response.ok) throw new Error(`refresh: ${response.status}`);
  keepToken((await response.json()) as Tokens);
  return true;
}
