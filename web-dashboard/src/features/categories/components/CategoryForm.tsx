/** A category of one's own: what it is recognised by, with what it would take of the last preview. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { CategoryMark } from "@/components/ui/CategoryMark";
import { Field } from "@/components/ui/Field";
import { Name } from "@/components/ui/Name";
import { Failure, Loaded, wrongFields } from "@/components/ui/States";
import type { PlanFile, Schemas } from "@/lib/api/client";
import { ICON_NAMES } from "@/lib/icons";
import { useText } from "@/lib/text";

import { lastPlanQuery, saveCategory } from "../api/categories";
import { listed, tried, type Rules } from "./matching";

const SHOWN = 8;
const FIRST_COLOR = "#7a5ccc";
const FIRST_ICON = "folder";

export function CategoryForm({ category, onDone }: { category: Schemas["CategoryRead"] | null; onDone: () => void }) {
  const t = useText();
  const client = useQueryClient();
  const [name, setName] = useState(category?.name ?? "");
  const [description, setDescription] = useState(category?.description ?? "");
  const [color, setColor] = useState(category?.color ?? FIRST_COLOR);
  const [icon, setIcon] = useState(category?.icon ?? FIRST_ICON);
  const [extensions, setExtensions] = useState(category?.rules.extensions.join(" ") ?? "");
  const [keywords, setKeywords] = useState(category?.rules.keywords.join(" ") ?? "");
  const plan = useQuery(lastPlanQuery());
  const rules = { extensions: listed(extensions), keywords: listed(keywords) };
  const save = useMutation({
    mutationFn: () => saveCategory(category?.id ?? null, { name, description, color, icon, rules }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["categories"] });
      onDone();
    },
  });
  const fields = wrongFields(save.error);
  return (
    <form
      className="card category-form"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <div className="stack">
        <h2>{category === null ? t("categories.new") : category.name}</h2>
        {save.isError && <Failure error={save.error} />}
        <Field
          label={t("categories.name")}
          value={name}
          required
          maxLength={50}
          wrong={fields.get("name")}
          onChange={(event) => setName(event.target.value)}
        />
        <Field
          label={t("categories.description")}
          value={description}
          maxLength={500}
          onChange={(event) => setDescription(event.target.value)}
        />
        <Field
          label={t("categories.extensions")}
          hint={t("categories.extensions-hint")}
          value={extensions}
          onChange={(event) => setExtensions(event.target.value)}
        />
        <Field
          label={t("categories.keywords")}
          hint={t("categories.keywords-hint")}
          value={keywords}
          onChange={(event) => setKeywords(event.target.value)}
        />
        <Field
          label={t("categories.color")}
          type="color"
          value={color}
          onChange={(event) => setColor(event.target.value)}
        />
        <Icons chosen={icon} color={color} onChoose={setIcon} />
        <div className="row">
          <button
            className="button primary"
            disabled={save.isPending || name === "" || rules.extensions.length + rules.keywords.length === 0}
          >
            {t("action.save")}
          </button>
          <button type="button" className="button" onClick={onDone}>
            {t("action.not-now")}
          </button>
        </div>
      </div>
      <section className="stack live-matches" aria-live="polite" aria-label={t("categories.matches-label")}>
        <Loaded query={plan} waiting={t("waiting.plan")}>
          {({ files, more }) =>
            files.length === 0 ? (
              <p className="soft">{t("categories.no-plan")}</p>
            ) : (
              <Matches files={files} more={more} rules={rules} />
            )
          }
        </Loaded>
      </section>
    </form>
  );
}

/** The icons to choose from, as they look on the colour. The name that an icon has in the API is what it is called. */
function Icons({ chosen, color, onChoose }: { chosen: string; color: string; onChoose: (icon: string) => void }) {
  const t = useText();
  return (
    <fieldset>
      <legend className="label">{t("categories.icon")}</legend>
      <div className="icons">
        {ICON_NAMES.map((name) => (
          <label key={name}>
            <input
              type="radio"
              className="unseen"
              name="icon"
              aria-label={name}
              checked={name === chosen}
              onChange={() => onChoose(name)}
            />
            <CategoryMark of={{ color, icon: name }} />
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** What the rules would take of some files; there may be more of them than were looked at. */
function Matches({ files, more, rules }: { files: readonly PlanFile[]; more: boolean; rules: Rules }) {
  const t = useText();
  const found = tried(files, rules);
  return (
    <>
      <h3>{t(more ? "categories.matches-first" : "categories.matches", { n: found.matches.length, all: files.length })}</h3>
      <Some files={found.matches} />
      {found.near.length > 0 && (
        <>
          <h3>{t("categories.near", { n: found.near.length })}</h3>
          <Some files={found.near} />
        </>
      )}
      <p className="soft small">{t("categories.next-preview")}</p>
    </>
  );
}

function Some({ files }: { files: readonly PlanFile[] }) {
  const t = useText();
  return (
    <ul className="small">
      {files.slice(0, SHOWN).map((file) => (
        <li key={file.path}>
          <Name of={file.path} /> <span className="soft">{file.category}</span>
        </li>
      ))}
      {files.length > SHOWN && <li className="soft">{t("categories.and-more", { n: files.length - SHOWN })}</li>}
    </ul>
  );
}
