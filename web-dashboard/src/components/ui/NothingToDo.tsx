/** A plan that plans nothing: because all is in order, because the rest is left alone, or because there is nothing. */
import type { Operation } from "@/lib/api/client";
import { useText } from "@/lib/text";

export function NothingToDo({ operation, review }: { operation: Operation; review: NonNullable<Operation["review"]> }) {
  const t = useText();
  if (review.scanned === 0)
    return <p className="notice">{t(operation.options.recursive === false ? "layouts.no-loose" : "layouts.empty")}</p>;
  return (
    <p className="notice good">
      {t("layouts.tidy", { n: review.in_place })} {review.left_alone > 0 && t("layouts.left", { n: review.left_alone })}
    </p>
  );
}
