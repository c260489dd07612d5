/** Categories: the built-in ones, one's own, and a form that shows what a new one would take. */
import "./categories.css";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { CategoryMark } from "@/components/ui/CategoryMark";
import { Confirm } from "@/components/ui/Confirm";
import { Loaded } from "@/components/ui/States";
import type { Schemas } from "@/lib/api/client";
import { categoriesQuery } from "@/lib/api/lookups";
import { count } from "@/lib/format";
import { isKey, text, useText } from "@/lib/text";

import { removeCategory } from "../api/categories";
import { CategoryForm } from "./CategoryForm";

type Category = Schemas["CategoryRead"];

export function Categories() {
  const t = useText();
  const query = useQuery(categoriesQuery());
  const [edited, setEdited] = useState<Category | "new" | null>(null);
  function edit(category: Category | "new") {
    setEdited(category);
    window.scrollTo({ top: 0 });
  }
  return (
    <div className="stack">
      <div className="row spread">
        <h1>{t("nav.categories")}</h1>
        <button type="button" className="button primary" onClick={() => edit("new")}>
          {t("categories.new")}
        </button>
      </div>
      {edited !== null && (
        <CategoryForm
          key={edited === "new" ? "new" : edited.id}
          category={edited === "new" ? null : edited}
          onDone={() => setEdited(null)}
        />
      )}
      <Loaded query={query} waiting={t("waiting.categories")}>
        {({ categories }) => (
          <>
            <CategoryTable
              title={t("categories.own")}
              categories={categories.filter((category) => category.is_custom)}
              onEdit={edit}
            />
            <CategoryTable title={t("categories.built-in")} categories={categories.filter((c) => !c.is_custom)} />
          </>
        )}
      </Loaded>
    </div>
  );
}

function CategoryTable({
  title,
  categories,
  onEdit,
}: {
  title: string;
  categories: readonly Category[];
  onEdit?: (category: Category) => void;
}) {
  const t = useText();
  const client = useQueryClient();
  const [going, setGoing] = useState<Category | null>(null);
  const remove = useMutation({
    mutationFn: removeCategory,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["categories"] });
      setGoing(null);
    },
  });
  if (categories.length === 0) return <p className="soft">{t("categories.none-own")}</p>;
  return (
    <section className="card stack">
      <h2>{title}</h2>
      <ul className="category-list">
        {categories.map((category) => (
          <li key={category.id} className="category">
            <CategoryMark of={category} />
            <div>
              <strong>{category.name}</strong>{" "}
              <span className="soft small">{t("categories.files", { n: category.file_count })}</span>
              <p className="soft small">{describe(category)}</p>
              <details>
                <summary className="small">
                  {t("categories.rules", {
                    extensions: count(category.rules.extensions.length),
                    keywords: count(category.rules.keywords.length),
                  })}
                </summary>
                <p className="small path">
                  {[...category.rules.extensions.map((extension) => `.${extension}`), ...category.rules.keywords].join(" ")}
                </p>
              </details>
            </div>
            {onEdit && (
              <div className="row">
                <button type="button" className="button slim" onClick={() => onEdit(category)}>
                  {t("action.change")}
                </button>
                <button type="button" className="button slim danger" onClick={() => setGoing(category)}>
                  {t("action.remove")}
                </button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {going && (
        <Confirm
          title={t("categories.remove-title", { name: going.name })}
          says={t("categories.remove-says", { n: going.file_count })}
          yes={t("action.remove")}
          pending={remove.isPending}
          error={remove.error}
          onYes={() => remove.mutate(going.id)}
          onClose={() => {
            remove.reset();
            setGoing(null);
          }}
        />
      )}
    </section>
  );
}

/** What a category is for: a built-in one in the language of the dashboard, as its name is that of a folder. */
function describe(category: Category): string {
  const key = `category.${category.name}`;
  return !category.is_custom && isKey(key) ? text(key) : category.description;
}
