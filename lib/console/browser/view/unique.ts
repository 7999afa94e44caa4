/**
 * Keeps the first entry of each id. The first page of a list is reloaded while later pages stay, so an entry can be on
 * two pages.
 */
export function uniqueById<T extends { readonly id: string }>(entries: readonly T[]): T[] {
  const seen = new Map<string, T>();
  for (const entry of entries) if (!seen.has(entry.id)) seen.set(entry.id, entry);
  return [...seen.values()];
}
