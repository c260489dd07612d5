/** One of few, all in sight. */
export function Choice<T extends string>({
  label,
  options,
  chosen,
  onChoose,
}: {
  label: string;
  options: readonly (readonly [value: T, words: string])[];
  chosen: T;
  onChoose: (value: T) => void;
}) {
  return (
    <div className="choice" role="group" aria-label={label}>
      {options.map(([value, words]) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
          {words}
        </button>
      ))}
    </div>
  );
}
