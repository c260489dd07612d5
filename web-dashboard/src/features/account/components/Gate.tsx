/** The door: signing in, signing up, and the first administrator's account by the one-time link. */
import { useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type FormEvent, type ReactNode } from "react";

import mark from "@/components/ui/mark.svg";
import { Choice } from "@/components/ui/Choice";
import { Field } from "@/components/ui/Field";
import { Failure, wrongFields } from "@/components/ui/States";
import { answer, api } from "@/lib/api/client";
import { keepToken } from "@/lib/api/session";
import { useText } from "@/lib/text";

import { OrderPicture } from "./OrderPicture";

interface Entered {
  email: string;
  username: string;
  password: string;
}

function entered(event: FormEvent<HTMLFormElement>): Entered {
  event.preventDefault();
  const form = new FormData(event.currentTarget);
  const word = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value : "";
  };
  return { email: word("email"), username: word("username"), password: word("password") };
}

function Door({ children }: { children: ReactNode }) {
  const t = useText();
  return (
    <div className="gate">
      <section className="story" aria-label="FileOrganizer Pro">
        <p className="row">
          <img src={mark} alt="" width="34" height="34" /> <strong>FileOrganizer Pro</strong>
        </p>
        <h1>{t("gate.title")}</h1>
        <OrderPicture />
        <ul className="stack">
          <li>{t("gate.see")}</li>
          <li>{t("gate.watch")}</li>
          <li>{t("gate.undo")}</li>
        </ul>
      </section>
      <main>{children}</main>
    </div>
  );
}

export function SignIn() {
  const t = useText();
  const navigate = useNavigate();
  const { back } = useSearch({ from: "/sign-in" });
  const [mode, setMode] = useState<"in" | "up">("in");
  const enter = useMutation({
    mutationFn: ({ email, username, password }: Entered) =>
      mode === "in"
        ? answer(api.POST("/api/v1/auth/login", { body: { email, password } }))
        : answer(api.POST("/api/v1/auth/signup", { body: { email, username, password, full_name: "" } })),
    onSuccess: async (tokens) => {
      keepToken(tokens);
      await navigate({ href: back ?? "/" });
    },
  });
  return (
    <Door>
      <form className="stack" onSubmit={(event) => enter.mutate(entered(event))}>
        <Choice
          label={t("gate.mode")}
          chosen={mode}
          onChoose={(next) => {
            setMode(next);
            enter.reset();
          }}
          options={[
            ["in", t("gate.sign-in")],
            ["up", t("gate.sign-up")],
          ]}
        />
        {back !== undefined && <p className="soft">{t("gate.first")}</p>}
        <AccountFields mode={mode} error={enter.error} />
        <button className="button primary" disabled={enter.isPending}>
          {mode === "in" ? t("gate.sign-in") : t("gate.make")}
        </button>
      </form>
    </Door>
  );
}

export function SetUp() {
  const t = useText();
  const navigate = useNavigate();
  const token = window.location.hash.slice(1);
  const make = useMutation({
    mutationFn: (given: Entered) => answer(api.POST("/api/v1/auth/setup", { body: { ...given, full_name: "", token } })),
    onSuccess: async (tokens) => {
      keepToken(tokens);
      await navigate({ to: "/organize" });
    },
  });
  return (
    <Door>
      <form className="stack" onSubmit={(event) => make.mutate(entered(event))}>
        <h2>{t("setup.title")}</h2>
        {token === "" ? <p className="notice warn">{t("setup.no-token")}</p> : <p className="soft">{t("setup.once")}</p>}
        <AccountFields mode="up" error={make.error} />
        <button className="button primary" disabled={make.isPending || token === ""}>
          {t("gate.make")}
        </button>
      </form>
    </Door>
  );
}

function AccountFields({ mode, error }: { mode: "in" | "up"; error: unknown }) {
  const t = useText();
  const fields = wrongFields(error);
  return (
    <>
      {error !== null && fields.size === 0 && <Failure error={error} />}
      <Field
        label={mode === "in" ? t("gate.name-or-email") : t("gate.email")}
        name="email"
        type={mode === "in" ? "text" : "email"}
        autoComplete={mode === "in" ? "username" : "email"}
        required
        wrong={fields.get("email")}
      />
      {mode === "up" && (
        <Field
          label={t("gate.username")}
          name="username"
          autoComplete="username"
          minLength={3}
          required
          wrong={fields.get("username")}
        />
      )}
      <Field
        label={t("gate.password")}
        name="password"
        type="password"
        autoComplete={mode === "in" ? "current-password" : "new-password"}
        minLength={mode === "in" ? undefined : 8}
        hint={mode === "in" ? undefined : t("gate.password-hint")}
        required
        wrong={fields.get("password")}
      />
    </>
  );
}
