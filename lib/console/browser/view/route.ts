/** The fragment of the console's address selects the view: `#/slabs?margin=2`. */
export type Route =
  | { readonly view: "overview" }
  | { readonly view: "slabs"; readonly query: Readonly<Record<string, string>> }
  | { readonly view: "slab"; readonly id: string }
  | { readonly view: "hosts"; readonly query: Readonly<Record<string, string>> }
  | { readonly view: "workers" }
  | { readonly view: "journal"; readonly query: Readonly<Record<string, string>> }
  | { readonly view: "runs" }
  | { readonly view: "run"; readonly id: string }
  | { readonly view: "attention" }
  | { readonly view: "unknown"; readonly path: string };

/** Parses a fragment. An unknown fragment gives the view `unknown`. */
export function routeOf(fragment: string): Route {
  const [path = "", search = ""] = fragment.replace(/^#/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "");
  const query = Object.fromEntries(new URLSearchParams(search));
  const [view, id, ...more] = parts;
  if (view === undefined) return { view: "overview" };
  if (view === "slabs" && id !== undefined && more.length === 0 && /^(\d{1,19}|[0-9a-f]{64})$/.test(id)) {
    return { view: "slab", id };
  }
  if (view === "runs" && id !== undefined && more.length === 0 && /^\d{1,19}$/.test(id)) {
    return { view: "run", id };
  }
  if (id === undefined) {
    if (view === "slabs" || view === "hosts" || view === "journal") return { view, query };
    if (view === "workers" || view === "runs" || view === "attention") return { view };
  }
  return { view: "unknown", path };
}

/** The fragment of a list with these filters; empty filters are left out. */
export function linkTo(view: "slabs" | "hosts" | "journal", query: Readonly<Record<string, string>>): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${view}${search === "" ? "" : `?${search}`}`;
}

/**
 * Takes the token for writes out of a fragment (`#token=…`, as `slabmend serve` prints it).
 * @returns the token and the rest of the fragment for the address bar; undefined if there is no token
 */
export function takeToken(fragment: string): { readonly token: string; readonly rest: string } | undefined {
  const match = /^#token=([A-Za-z0-9_-]{16,})(?:&(.*))?$/.exec(fragment);
  return match === null
    ? undefined
    : { token: match[1]!, rest: match[2] === undefined ? "" : `#${match[2]}` };
}
