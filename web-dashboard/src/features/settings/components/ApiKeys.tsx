/** API keys: made with a scope and an end, shown once, revoked. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { Confirm } from "@/components/ui/Confirm";
import { Field } from "@/components/ui/Field";
import { Failure, Loaded } from "@/components/ui/States";
import type { Schemas } from "@/lib/api/client";
import { moment } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { keysQuery, makeKey, revokeKey } from "../api/account";

const SCOPES = ["read", "organize"] as const;
const DAYS = [7, 30, 90, 365] as const;

export function ApiKeys() {
  const t = useText();
  const client = useQueryClient();
  const keys = useQuery(keysQuery());
  const again = () => client.invalidateQueries({ queryKey: ["keys"] });
  const make = useMutation({ mutationFn: makeKey, onSuccess: again });
  const [going, setGoing] = useState<Schemas["ApiKeyRead"] | null>(null);
  const revoke = useMutation({
    mutationFn: revokeKey,
    onSuccess: async () => {
      await again();
      setGoing(null);
    },
  });
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const name = form.get("name");
    if (typeof name !== "string") return;
    const until = new Date();
    until.setDate(until.getDate() + Number(form.get("days")));
    const scopes = SCOPES.filter((scope) => form.getAll("scope").includes(scope));
    make.mutate({ name, scopes, expires_at: until.toISOString() });
  }
  return (
    <section className="card stack" aria-labelledby="keys">
      <h2 id="keys">{t("keys.title")}</h2>
      <form className="row fields" onSubmit={submit}>
        <Field label={t("keys.name")} name="name" required maxLength={100} />
        <fieldset className="row check-row">
          <legend className="unseen">{t("keys.scopes")}</legend>
          {SCOPES.map((scope) => (
            <label key={scope} className="check">
              <input type="checkbox" name="scope" value={scope} defaultChecked={scope === "read"} />
              {coded("scope", scope)}
            </label>
          ))}
        </fieldset>
        <div className="field">
          <label htmlFor="key-days">{t("keys.ends")}</label>
          <select id="key-days" className="input" name="days" defaultValue={90}>
            {DAYS.map((days) => (
              <option key={days} value={days}>
                {t("keys.days", { n: days })}
              </option>
            ))}
          </select>
        </div>
        <button className="button" disabled={make.isPending}>
          {t("keys.make")}
        </button>
      </form>
      {make.isError && <Failure error={make.error} />}
      {make.data && <Made made={make.data} />}
      <Loaded query={keys} waiting={t("waiting.account")}>
        {(loaded) =>
          loaded.api_keys.length === 0 ? (
            <p className="soft">{t("keys.none")}</p>
          ) : (
            <ul className="stack">
              {loaded.api_keys.map((key) => (
                <li key={key.id} className="row spread">
                  <span>
                    <strong>{key.name}</strong> <code>{key.prefix}…</code>
                    <span className="soft small block">
                      {key.scopes.map((scope) => coded("scope", scope)).join(", ")}
                      {key.expires_at && ` · ${t("keys.until", { when: moment(key.expires_at) })}`}
                      {key.last_used_at && ` · ${t("keys.used", { when: moment(key.last_used_at) })}`}
                    </span>
                  </span>
                  {key.revoked_at ? (
                    <span className="fate skipped">{t("keys.revoked")}</span>
                  ) : (
                    <button type="button" className="button slim danger" onClick={() => setGoing(key)}>
                      {t("keys.revoke")}
                    </button>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {going && (
        <Confirm
          title={t("keys.revoke-title", { name: going.name })}
          says={t("keys.revoke-says")}
          yes={t("keys.revoke")}
          pending={revoke.isPending}
          error={revoke.error}
          onYes={() => revoke.mutate(going.id)}
          onClose={() => {
            revoke.reset();
            setGoing(null);
          }}
        />
      )}
    </section>
  );
}

function Made({ made }: { made: Schemas["ApiKeyMade"] }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  return (
    <div className="notice good" role="status">
      <div className="stack">
        <p>{t("keys.once")}</p>
        <code data-key>{made.key}</code>
      </div>
      <button
        type="button"
        className="button slim push"
        onClick={() => void navigator.clipboard.writeText(made.key).then(() => setCopied(true))}
      >
        {copied ? t("keys.copied") : t("keys.copy")}
      </button>
    </div>
  );
}
