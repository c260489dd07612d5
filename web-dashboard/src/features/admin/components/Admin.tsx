/** For administrators: health, users, granted folders, and what was done by whom. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { Confirm } from "@/components/ui/Confirm";
import { Field } from "@/components/ui/Field";
import { Figures } from "@/components/ui/Figures";
import { Name } from "@/components/ui/Name";
import { Failure, Loaded, Waiting } from "@/components/ui/States";
import type { Schemas } from "@/lib/api/client";
import { meQuery } from "@/lib/api/lookups";
import { count, duration, moment, shownName, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import {
  auditQuery,
  changeUser,
  figuresQuery,
  forgetLimits,
  grantedRootsQuery,
  grantRoot,
  statusQuery,
  takeRoot,
  usersQuery,
} from "../api/admin";

/** A check's state as a file's fate has it: by the same colours. */
const STATES: Record<string, string> = { ok: "moved", unused: "skipped", degraded: "renamed" };

export function Admin() {
  const t = useText();
  return (
    <div className="stack">
      <h1>{t("nav.admin")}</h1>
      <Health />
      <Users />
      <Roots />
      <Audit />
    </div>
  );
}

function Health() {
  const t = useText();
  const status = useQuery(statusQuery());
  const figures = useQuery(figuresQuery());
  return (
    <section className="card stack" aria-labelledby="health">
      <h2 id="health">{t("admin.health")}</h2>
      <Loaded query={status} waiting={t("waiting.health")}>
        {(loaded) => (
          <>
            <p className="soft">
              {t("admin.version", { version: loaded.version, up: duration(loaded.uptime_seconds) })}
            </p>
            <ul className="row">
              {Object.entries(loaded.checks).map(([name, check]) => (
                <li key={name} className={`fate ${STATES[check.state] ?? "conflict"}`}>
                  {coded("check", name)}: {coded("state", check.state)}
                  {check.state !== "unused" && ` · ${Math.round(check.latency_ms)} ms`}
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
      <Loaded query={figures} waiting={t("waiting.numbers")}>
        {(loaded) => (
          <Figures
            of={[
              [t("admin.running", { n: loaded.operations_running }), count(loaded.operations_running)],
              [t("admin.waiting", { n: loaded.operations_waiting }), count(loaded.operations_waiting)],
              [t("admin.free", { size: size(loaded.storage_total_bytes) }), size(loaded.storage_free_bytes)],
            ]}
          />
        )}
      </Loaded>
    </section>
  );
}

function Users() {
  const t = useText();
  const client = useQueryClient();
  const me = useQuery(meQuery());
  const query = useInfiniteQuery(usersQuery());
  const change = useMutation({
    mutationFn: changeUser,
    onSuccess: () => client.invalidateQueries({ queryKey: ["admin"] }),
  });
  const unlimit = useMutation({ mutationFn: forgetLimits });
  return (
    <section className="card stack" aria-labelledby="users">
      <h2 id="users">{t("admin.users")}</h2>
      {query.isPending && <Waiting for={t("waiting.users")} />}
      {query.isLoadingError && <Failure error={query.error} retry={() => void query.refetch()} />}
      {(change.error ?? unlimit.error) && <Failure error={change.error ?? unlimit.error} />}
      <div className="scroll">
        <table className="table cards">
          <thead>
            <tr>
              <th scope="col">{t("admin.user")}</th>
              <th scope="col">{t("admin.last-login")}</th>
              <th scope="col" className="number">
                {t("admin.used")}
              </th>
              <th scope="col">{t("admin.rights")}</th>
            </tr>
          </thead>
          <tbody>
            {query.data?.pages
              .flatMap((page) => page.users)
              .map((user) => (
                <tr key={user.id}>
                  <td>
                    <strong>{user.username}</strong>
                    <span className="soft small block">{user.email}</span>
                  </td>
                  <td className="soft">{user.last_login_at ? moment(user.last_login_at) : "–"}</td>
                  <td className="number">{size(user.storage_used_bytes)}</td>
                  <td>
                    <Rights user={user} own={user.id === me.data?.id} onChange={change.mutate} onLimits={unlimit.mutate} />
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
      {query.hasNextPage && (
        <button type="button" className="button" onClick={() => void query.fetchNextPage()}>
          {t("action.more")}
        </button>
      )}
    </section>
  );
}

function Rights({
  user,
  own,
  onChange,
  onLimits,
}: {
  user: Schemas["ProfileRead"];
  own: boolean;
  onChange: (change: { id: string; to: Schemas["UserUpdate"] }) => void;
  onLimits: (id: string) => void;
}) {
  const t = useText();
  return (
    <div className="row">
      <label className="check">
        <input
          type="checkbox"
          checked={user.is_active}
          disabled={own}
          onChange={(event) => onChange({ id: user.id, to: { is_active: event.target.checked } })}
        />
        {t("admin.active")}
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={user.is_admin}
          disabled={own}
          onChange={(event) => onChange({ id: user.id, to: { is_admin: event.target.checked } })}
        />
        {t("admin.admin")}
      </label>
      <button type="button" className="button slim" onClick={() => onLimits(user.id)}>
        {t("admin.limits")}
      </button>
    </div>
  );
}

interface Grant {
  root: Schemas["GrantedRootRead"];
  user: Schemas["GrantedRootRead"]["users"][number];
}

function Roots() {
  const t = useText();
  const client = useQueryClient();
  const query = useInfiniteQuery(grantedRootsQuery());
  const users = useInfiniteQuery(usersQuery());
  const again = () => client.invalidateQueries({ queryKey: ["admin"] });
  const grant = useMutation({ mutationFn: grantRoot, onSuccess: again });
  const [going, setGoing] = useState<Grant | null>(null);
  const take = useMutation({
    mutationFn: takeRoot,
    onSuccess: async () => {
      await again();
      setGoing(null);
    },
  });
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [path, user] = [form.get("path"), form.get("user")];
    if (typeof path === "string" && typeof user === "string") grant.mutate({ path, user_id: user });
  }
  return (
    <section className="card stack" aria-labelledby="roots">
      <h2 id="roots">{t("admin.roots")}</h2>
      <form className="row fields" onSubmit={submit}>
        <Field label={t("admin.path")} name="path" required placeholder="/srv/photos" />
        <div className="field">
          <label htmlFor="grant-user">{t("admin.user")}</label>
          <select id="grant-user" className="input" name="user" required>
            {users.data?.pages
              .flatMap((page) => page.users)
              .map((user) => (
                <option key={user.id} value={user.id}>
                  {user.username}
                </option>
              ))}
          </select>
        </div>
        <button className="button" disabled={grant.isPending}>
          {t("admin.grant")}
        </button>
      </form>
      {grant.isError && <Failure error={grant.error} />}
      {query.isPending && <Waiting for={t("waiting.folders")} />}
      {query.isLoadingError && <Failure error={query.error} retry={() => void query.refetch()} />}
      <ul className="stack">
        {query.data?.pages
          .flatMap((page) => page.roots)
          .map((root) => (
            <li key={root.id}>
              <Name of={root.path} />
              <div className="row grants">
                {root.is_home && <span className="soft small">{t("admin.home")}</span>}
                {root.users.map((user) => (
                  <span key={user.id} className="fate skipped">
                    {user.username}
                    {!root.is_home && (
                      <button
                        type="button"
                        className="take"
                        aria-label={t("admin.take", { user: user.username, path: root.path })}
                        onClick={() => setGoing({ root, user })}
                      >
                        ×
                      </button>
                    )}
                  </span>
                ))}
              </div>
            </li>
          ))}
      </ul>
      {query.hasNextPage && (
        <button type="button" className="button" onClick={() => void query.fetchNextPage()}>
          {t("action.more")}
        </button>
      )}
      {going && (
        <Confirm
          title={t("admin.take-title")}
          says={t("admin.take-says", { user: going.user.username, path: shownName(going.root.path) })}
          yes={t("admin.take-yes")}
          pending={take.isPending}
          error={take.error}
          onYes={() => take.mutate({ root: going.root.id, user: going.user.id })}
          onClose={() => {
            take.reset();
            setGoing(null);
          }}
        />
      )}
    </section>
  );
}

function Audit() {
  const t = useText();
  const query = useInfiniteQuery(auditQuery());
  return (
    <section className="card stack" aria-labelledby="audit">
      <h2 id="audit">{t("admin.audit")}</h2>
      {query.isPending && <Waiting for={t("waiting.audit")} />}
      {query.isLoadingError && <Failure error={query.error} retry={() => void query.refetch()} />}
      <div className="scroll">
        <table className="table cards">
          <thead>
            <tr>
              <th scope="col">{t("admin.when")}</th>
              <th scope="col">{t("admin.what")}</th>
              <th scope="col">{t("admin.from")}</th>
            </tr>
          </thead>
          <tbody>
            {query.data?.pages
              .flatMap((page) => page.events)
              .map((event) => (
                <tr key={event.id}>
                  <td className="soft">{moment(event.at)}</td>
                  <td>
                    {coded("audit", event.action)} <span className="soft small">{event.subject}</span>
                  </td>
                  <td className="soft">{event.address}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
      {query.hasNextPage && (
        <button type="button" className="button" onClick={() => void query.fetchNextPage()}>
          {t("action.older")}
        </button>
      )}
    </section>
  );
}
