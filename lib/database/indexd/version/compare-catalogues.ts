/**
 * The differences between a database and a known version of indexd, and the consequence of each. Pure.
 *
 *   difference                                              in a table that we write  in a table that we only read
 *   table lost, another kind, a new trait                   changed                   changed
 *   column lost, or of another type, default, nullability   changed                   changed if read, else consent
 *   column gained                                           changed                   consent
 *   constraint or trigger gained, lost or different         changed                   consent
 *   index lost                                              consent                   consent
 *   unique index lost                                       changed                   changed
 *   index gained, plain                                     consent                   no difference
 *   index gained, unique or partial                         changed                   no difference
 *   function lost, or declared in another way               changed
 *   function with an unknown body, or function gained       consent
 *
 * `changed`: what we write may have another meaning now. `consent`: an operator may decide to continue. The columns of
 * global_settings count as written, because new ones came with changes of meaning. A gained partial index on a table
 * that we write is `changed`: it shows that indexd uses some value of a column in a new way, as happened with events
 * without a time.
 */
import type { IndexdPrivileges } from "./indexd-privileges.ts";
import type { FunctionCatalogue, IndexdCatalogue, TableCatalogue } from "./read-catalogue.ts";

export type Severity = "consent" | "changed";

export interface Difference {
  readonly severity: Severity;
  /** What differs, for example "column slabs.version". */
  readonly subject: string;
  /** Undefined: absent. */
  readonly expected: string | undefined;
  readonly got: string | undefined;
}

/** How we use a table. */
interface TableUse {
  readonly isWritten: boolean;
  readonly columns: ReadonlySet<string>;
}

type Compared = Omit<Difference, "severity"> & { readonly severity: Severity | "none" };

/** @param known the catalogue of the known version; a function may also have one of the bodies in `knownBodies` */
export function compareCatalogues(
  known: IndexdCatalogue,
  found: IndexdCatalogue,
  context: {
    readonly privileges: readonly IndexdPrivileges[];
    /** By function: SHA-256 of other bodies that are known to do the same. */
    readonly knownBodies: Readonly<Record<string, readonly string[]>>;
  },
): Difference[] {
  const uses = usesOf(context.privileges);
  const compared = [
    ...Object.entries(known.tables).flatMap(([table, expected]) =>
      compareTable(table, { expected, got: found.tables[table], use: uses.get(table)! }),
    ),
    ...compareFunctions(known.functions, found.functions, context.knownBodies),
  ];
  return compared.filter((one): one is Difference => one.severity !== "none");
}

function usesOf(privileges: readonly IndexdPrivileges[]): Map<string, TableUse> {
  const uses = new Map<string, { isWritten: boolean; columns: Set<string> }>();
  for (const { table, select = [], insert = [], update = [] } of privileges) {
    const name = table.replace(/^public\./, "");
    const use = uses.get(name) ?? { isWritten: false, columns: new Set<string>() };
    for (const column of [...select, ...insert, ...update]) use.columns.add(column);
    use.isWritten ||= insert.length + update.length > 0 || name === "global_settings";
    uses.set(name, use);
  }
  return uses;
}

function compareTable(
  table: string,
  { expected, got, use }: { expected: TableCatalogue; got: TableCatalogue | undefined; use: TableUse },
): Compared[] {
  if (got === undefined || got.kind !== expected.kind) {
    return [
      {
        severity: "changed",
        subject: `table ${table}`,
        expected: nameOfKind(expected.kind),
        got: got && nameOfKind(got.kind),
      },
    ];
  }
  const severity: Severity = use.isWritten ? "changed" : "consent";
  return [
    ...compareLists(expected.traits, got.traits, `table ${table}`, () => "changed"),
    ...compareRecords(expected.columns, got.columns, (name, isGained) => ({
      subject: `column ${table}.${name}`,
      severity: !isGained && use.columns.has(name) ? "changed" : severity,
    })),
    ...compareLists(expected.constraints, got.constraints, `constraint on ${table}`, () => severity),
    ...compareRecords(expected.triggers, got.triggers, (name) => ({
      subject: `trigger ${name} on ${table}`,
      severity,
    })),
    ...compareLists(expected.indexes, got.indexes, `index on ${table}`, (definition, isGained) =>
      severityOfIndex(definition, isGained, use.isWritten),
    ),
  ];
}

function severityOfIndex(definition: string, isGained: boolean, isWritten: boolean): Compared["severity"] {
  const isUnique = definition.startsWith("CREATE UNIQUE");
  if (!isGained) return isUnique ? "changed" : "consent";
  if (!isWritten) return "none";
  return isUnique || definition.includes(" WHERE ") ? "changed" : "consent";
}

function compareFunctions(
  expected: Readonly<Record<string, FunctionCatalogue>>,
  got: Readonly<Record<string, FunctionCatalogue>>,
  knownBodies: Readonly<Record<string, readonly string[]>>,
): Compared[] {
  const declarations = (functions: Readonly<Record<string, FunctionCatalogue>>): Record<string, string> =>
    Object.fromEntries(Object.entries(functions).map(([name, { declaration }]) => [name, declaration]));
  const compared = compareRecords(declarations(expected), declarations(got), (name, isGained) => ({
    subject: `function ${name}`,
    severity: isGained ? "consent" : "changed",
  }));
  for (const [name, { body }] of Object.entries(expected)) {
    const foundBody = got[name]?.body;
    if (foundBody === undefined || foundBody === body || knownBodies[name]?.includes(foundBody)) continue;
    compared.push({
      severity: "consent",
      subject: `body of function ${name}`,
      expected: "one that is known",
      got: `SHA-256 ${foundBody}`,
    });
  }
  return compared;
}

function compareRecords(
  expected: Readonly<Record<string, string>>,
  got: Readonly<Record<string, string>>,
  judge: (name: string, isGained: boolean) => Pick<Compared, "subject" | "severity">,
): Compared[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(got)])].sort();
  return names
    .filter((name) => expected[name] !== got[name])
    .map((name) => ({
      ...judge(name, expected[name] === undefined),
      expected: expected[name],
      got: got[name],
    }));
}

/** Compares as multisets, because two constraints may have the same text. */
function compareLists(
  expected: readonly string[],
  got: readonly string[],
  subject: string,
  severityOf: (entry: string, isGained: boolean) => Compared["severity"],
): Compared[] {
  const gained = [...got];
  const lost = expected.filter((entry) => {
    const place = gained.indexOf(entry);
    if (place >= 0) gained.splice(place, 1);
    return place < 0;
  });
  return [
    ...lost.map((entry) => ({
      severity: severityOf(entry, false),
      subject,
      expected: entry,
      got: undefined,
    })),
    ...gained.map((entry) => ({
      severity: severityOf(entry, true),
      subject,
      expected: undefined,
      got: entry,
    })),
  ];
}

const KINDS: Readonly<Record<string, string>> = {
  r: "a table",
  p: "a partitioned table",
  v: "a view",
  m: "a materialized view",
  f: "a foreign table",
};

function nameOfKind(kind: string): string {
  return KINDS[kind] ?? `kind ${kind}`;
}

/** One line of readable text. */
export function describeDifference({ subject, expected, got }: Difference): string {
  return `${subject}: expected ${expected ?? "none"}, got ${got ?? "none"}`;
}
