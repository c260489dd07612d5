/** A few numbers with what they count. */
export function Figures({ of }: { of: readonly (readonly [label: string, value: string])[] }) {
  return (
    <dl className="figures">
      {of.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
