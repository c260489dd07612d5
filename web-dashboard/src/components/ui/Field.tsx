/** A labelled field with its hint and what is wrong with it. */
import { useId, type InputHTMLAttributes } from "react";

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  hint?: string | undefined;
  wrong?: string | undefined;
}

export function Field({ label, hint, wrong, ...input }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        aria-invalid={wrong !== undefined}
        aria-describedby={hint || wrong ? `${id}-more` : undefined}
        {...input}
      />
      {(wrong ?? hint) && (
        <span id={`${id}-more`} className={wrong ? "wrong" : "hint"}>
          {wrong ?? hint}
        </span>
      )}
    </div>
  );
}
