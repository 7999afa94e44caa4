/**
 * The environment variable with the URL of a real indexd's database. Tests compare the fixture with this database, and
 * only read it.
 */
const REAL_DATABASE_VARIABLE = "SLABMEND_INTEROP_DATABASE_URL";

export type RealIndexd =
  | { readonly kind: "there"; readonly databaseUrl: string }
  | { readonly kind: "missing"; readonly why: string };

/** Finds the configured real indexd, or says in `why` how to configure one. The URL is a secret and never in `why`. */
export function findRealIndexd(environment: Readonly<Record<string, string | undefined>>): RealIndexd {
  const databaseUrl = environment[REAL_DATABASE_VARIABLE];
  if (databaseUrl !== undefined && databaseUrl !== "") return { kind: "there", databaseUrl };
  return {
    kind: "missing",
    why: `no real indexd: set ${REAL_DATABASE_VARIABLE} to the database of an indexd v0.4.4 on PostgreSQL 18`,
  };
}
