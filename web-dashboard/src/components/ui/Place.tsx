/** The folder that an operation works in. */
import { useQuery } from "@tanstack/react-query";

import { rootsQuery } from "@/lib/api/lookups";
import { useText } from "@/lib/text";

import { Name } from "./Name";

/** A folder by its path; what lies in the own folder, whose path nobody chose, is named from there on. */
export function Place({ of, className }: { of: string; className?: string }) {
  const t = useText();
  const roots = useQuery(rootsQuery());
  const home = roots.data?.roots.find((root) => root.is_home)?.path;
  const inside = home !== undefined && (of === home || of.startsWith(`${home}/`));
  return <Name of={inside ? t("picker.home") + of.slice(home.length) : of} {...(className ? { className } : {})} />;
}
