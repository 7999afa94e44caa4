import { allIndexers, chosenIndexer, showIndexer } from "../api/indexers.ts";

/** Shows the current indexer and lets the user choose another. Hidden if there is only one. */
export function Indexers() {
  const chosen = chosenIndexer();
  if (chosen === undefined) return null;
  return (
    <label class="field indexer">
      <span>Indexer</span>
      <select value={chosen} onChange={(event) => showIndexer(event.currentTarget.value)}>
        {allIndexers().map(({ name, state }) => (
          <option key={name} value={name}>
            {state === "running" ? name : `${name} (${state})`}
          </option>
        ))}
      </select>
    </label>
  );
}
