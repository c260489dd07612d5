/** The own account and how the dashboard looks. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { Choice } from "@/components/ui/Choice";
import { Field } from "@/components/ui/Field";
import { Failure, Loaded, wrongFields } from "@/components/ui/States";
import type { Schemas } from "@/lib/api/client";
import { agentName } from "@/lib/agent";
import { meQuery } from "@/lib/api/lookups";
import { moment, size } from "@/lib/format";
import { chooseLanguage, language, type Language } from "@/lib/language";
import { useText } from "@/lib/text";
import { chooseTheme, theme, type Theme } from "@/lib/theme";

import { changePassword, endOtherSessions, endSession, saveProfile, sessionsQuery } from "../api/account";
import { ApiKeys } from "./ApiKeys";

export function Settings() {
  const t = useText();
  const me = useQuery(meQuery());
  return (
    <div className="stack">
      <h1>{t("nav.settings")}</h1>
      <Look />
      <Loaded query={me} waiting={t("waiting.account")}>
        {(profile) => <Profile key={profile.id} profile={profile} />}
      </Loaded>
      <Password />
      <ApiKeys />
      <Sessions />
    </div>
  );
}

function Look() {
  const t = useText();
  const [chosen, setChosen] = useState<Theme>(theme());
  return (
    <section className="card row look" aria-label={t("settings.look")}>
      <span className="label">{t("settings.theme")}</span>
      <Choice<Theme>
        label={t("settings.theme")}
        chosen={chosen}
        onChoose={(next) => {
          chooseTheme(next);
          setChosen(next);
        }}
        options={[
          ["system", t("settings.system")],
          ["light", t("settings.light")],
          ["dark", t("settings.dark")],
        ]}
      />
      <span className="label">{t("settings.language")}</span>
      <Choice<Language>
        label={t("settings.language")}
        chosen={language()}
        onChoose={chooseLanguage}
        options={[
          ["en", "English"],
          ["es", "Español"],
        ]}
      />
    </section>
  );
}

function Profile({ profile }: { profile: Schemas["ProfileRead"] }) {
  const t = useText();
  const client = useQueryClient();
  const [name, setName] = useState(profile.full_name);
  const save = useMutation({
    mutationFn: () => saveProfile(name),
    onSuccess: () => client.invalidateQueries({ queryKey: ["me"] }),
  });
  return (
    <form
      className="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <h2>{t("settings.profile")}</h2>
      <p className="soft">
        {profile.username} · {profile.email}
        <span className="block">
          {t("settings.storage", { used: size(profile.storage_used_bytes), quota: profile.storage_quota_gb })}
        </span>
      </p>
      <div className="narrow-fields">
        <Field
          label={t("settings.full-name")}
          value={name}
          autoComplete="name"
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <div className="row">
        <button className="button" disabled={save.isPending || name === profile.full_name}>
          {t("action.save")}
        </button>
      </div>
      {save.isError && <Failure error={save.error} />}
    </form>
  );
}

function Password() {
  const t = useText();
  const change = useMutation({ mutationFn: changePassword });
  const fields = wrongFields(change.error);
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const [current, next] = ["current", "next"].map((name) => new FormData(form).get(name));
    if (typeof current !== "string" || typeof next !== "string") return;
    change.mutate({ current_password: current, new_password: next }, { onSuccess: () => form.reset() });
  }
  return (
    <form className="card stack" onSubmit={submit}>
      <h2>{t("settings.password")}</h2>
      <p className="soft small">{t("settings.password-more")}</p>
      <div className="narrow-fields">
        <Field
          label={t("settings.current")}
          name="current"
          type="password"
          autoComplete="current-password"
          required
          wrong={fields.get("current_password")}
        />
        <Field
          label={t("settings.next")}
          name="next"
          type="password"
          autoComplete="new-password"
          minLength={8}
          required
          wrong={fields.get("new_password")}
        />
      </div>
      <div className="row">
        <button className="button" disabled={change.isPending}>
          {t("settings.change-password")}
        </button>
        {change.isSuccess && (
          <span role="status" className="fate moved">
            {t("settings.password-changed")}
          </span>
        )}
      </div>
      {change.isError && fields.size === 0 && <Failure error={change.error} />}
    </form>
  );
}

function Sessions() {
  const t = useText();
  const client = useQueryClient();
  const sessions = useQuery(sessionsQuery());
  const again = () => client.invalidateQueries({ queryKey: ["sessions"] });
  const end = useMutation({ mutationFn: endSession, onSuccess: again });
  const endOthers = useMutation({ mutationFn: endOtherSessions, onSuccess: again });
  return (
    <section className="card stack" aria-labelledby="sessions">
      <div className="row spread">
        <h2 id="sessions">{t("settings.sessions")}</h2>
        <button type="button" className="button slim" disabled={endOthers.isPending} onClick={() => endOthers.mutate()}>
          {t("settings.end-others")}
        </button>
      </div>
      <Loaded query={sessions} waiting={t("waiting.account")}>
        {(loaded) => (
          <ul className="stack">
            {loaded.sessions.map((session) => (
              <li key={session.id} className="row spread">
                <span title={session.user_agent}>
                  {agentName(session.user_agent)}
                  <span className="soft small block">
                    {session.address} · {moment(session.last_used_at)}
                  </span>
                </span>
                {session.is_current ? (
                  <span className="fate moved">{t("settings.this")}</span>
                ) : (
                  <button type="button" className="button slim" onClick={() => end.mutate(session.id)}>
                    {t("settings.end")}
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {end.isError && <Failure error={end.error} />}
    </section>
  );
}
