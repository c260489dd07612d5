/** The journal's state: all records of the folder compared with the disk, when asked. */
import { useMutation } from "@tanstack/react-query";

import { Name } from "@/components/ui/Name";
import { Failure } from "@/components/ui/States";
import { answer, api, type Schemas } from "@/lib/api/client";
import { isKey, text, useText } from "@/lib/text";

export function Verify({ id }: { id: string }) {
  const t = useText();
  const verify = useMutation({
    mutationFn: () =>
      answer(api.GET("/api/v1/operations/{operation_id}/verify", { params: { path: { operation_id: id } } })),
  });
  return (
    <div className="stack">
      <div>
        <button type="button" className="button slim" disabled={verify.isPending} onClick={() => verify.mutate()}>
          {verify.isPending ? t("verify.running") : t("verify.ask")}
        </button>
      </div>
      {verify.isError && <Failure error={verify.error} />}
      {verify.data && (
        <div role="status" className={verify.data.problems.length > 0 ? "notice warn" : "notice good"}>
          {verify.data.problems.length === 0 ? (
            t("verify.good", { n: verify.data.steps })
          ) : (
            <ul>
              {verify.data.problems.map((problem, index) => (
                <li key={index}>
                  {problem.path !== "" && <Name of={problem.path} />} {problemWords(problem)}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </div>
  );
}

/** In the language of the dashboard; one that is new to it in the engine's words. */
function problemWords(problem: Schemas["ProblemRead"]): string {
  const key = `verify.${problem.code}`;
  return isKey(key) ? text(key) : problem.text;
}
