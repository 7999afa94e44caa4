import { child, list, type Tree } from "./read-functions.ts";

/** All nodes of a kind in a tree. */
export function nodesOf(tree: Tree, kind: string): readonly Tree[] {
  const found: Tree[] = [];
  visit(tree, (key, value) => {
    if (key === kind) found.push(value);
  });
  return found;
}

function visit(node: Tree, see: (key: string, value: Tree) => void): void {
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    see(key, value);
    visit(value, see);
  }
}

/** A name in a statement that may be a variable: `a`, or the first part of `a.b`. */
export interface NameReference {
  readonly parts: readonly string[];
  /** The name's position, in bytes from the statement's beginning. */
  readonly at: number;
}

/** Returns each reference once. (For `set (a, b) = (select …)` the tree contains the subselect once per column.) */
export function nameReferences(tree: Tree): readonly NameReference[] {
  const byPlace = new Map<number, NameReference>();
  for (const reference of nodesOf(tree, "ColumnRef")) {
    const at = Number(child(reference, "location") ?? 0);
    const parts = list(child(reference, "fields")).map((part) =>
      String(child(part, "String", "sval") ?? "*"),
    );
    byPlace.set(at, { parts, at });
  }
  return [...byPlace.values()];
}
