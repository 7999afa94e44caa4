/** The versions of indexd's database that our statements support, and the schema of each. */
import { INDEXD_PRIVILEGES, VERSION_PRIVILEGES } from "./indexd-privileges.ts";
import KNOWN from "./known-catalogue.json" with { type: "json" };
import type { CatalogueScope, FunctionCatalogue, IndexdCatalogue, TableCatalogue } from "./read-catalogue.ts";

/**
 * A value of `global_settings.db_version`. This version determines how we write to indexd's tables:
 *
 *   22  events are stamped by their writer
 *   23  slabs may be marked unrecoverable
 *   26  events are left without a time, and indexd publishes them; slabs have a recovery window
 */
export type Profile = 22 | 23 | 26;

/** The releases of indexd that create each version. */
export const RELEASES: Readonly<Record<Profile, string>> = {
  22: "indexd 0.4.4",
  23: "indexd 0.5.0",
  26: "indexd 0.6.0 and 0.6.1",
};

export const PROFILES = Object.keys(RELEASES).map(Number) as readonly Profile[];
export const OLDEST_PROFILE: Profile = 22;
export const NEWEST_PROFILE: Profile = 26;

/**
 * Intermediate versions: during an upgrade indexd's database has each of them for seconds, but no release stays at one.
 */
export const PASSING_VERSIONS: readonly number[] = [24, 25];

/** The tables and functions of indexd that are compared. */
export const TOUCHED: CatalogueScope = {
  tables: INDEXD_PRIVILEGES.map(({ table }) => table.replace(/^public\./, "")),
  functions: ["slab_is_stuck", "slabs_maintain_repair_stats"],
};

export const COMPARED_PRIVILEGES = [...INDEXD_PRIVILEGES, ...VERSION_PRIVILEGES];

/**
 * SHA-256 of function bodies, with white space collapsed, that are known to be equivalent to the bodies in our fixture:
 * indexd's own texts in its development from 0.5.0 to 0.6.1. Only their hashes are kept here, because the texts belong
 * to indexd.
 */
export const INDEXD_BODIES: Readonly<Record<Profile, Readonly<Record<string, readonly string[]>>>> = {
  22: {},
  23: {
    "slab_is_stuck(smallint,boolean)": ["1a45671c0c68747fbd75889ee7cc12d8acc5863be19ce094e8a173f1fcd607d0"],
    "slabs_maintain_repair_stats()": ["b10d807ccf0ecf73a9d0e9082a8fb5f55c6c814c87859df3dc8aba5564f70250"],
  },
  26: {
    "slab_is_stuck(smallint,boolean)": ["1a45671c0c68747fbd75889ee7cc12d8acc5863be19ce094e8a173f1fcd607d0"],
    "slabs_maintain_repair_stats()": ["414063d272f725e0368bd5eb086239f3475975eccd91378d9e04973df0195d38"],
  },
};

interface KnownEntries<Entry> {
  readonly [name: string]: readonly ({ readonly versions: readonly number[] } & Entry)[];
}

/** The catalogue of a database of that version: known-catalogue.json, written by scripts/write-known-catalogue.ts. */
export function knownCatalogue(profile: Profile): IndexdCatalogue {
  return {
    tables: entriesOf<TableCatalogue>(KNOWN.tables as unknown as KnownEntries<TableCatalogue>, profile),
    functions: entriesOf<FunctionCatalogue>(
      KNOWN.functions as unknown as KnownEntries<FunctionCatalogue>,
      profile,
    ),
  };
}

function entriesOf<Entry>(known: KnownEntries<Entry>, profile: Profile): Record<string, Entry> {
  return Object.fromEntries(
    Object.entries(known).flatMap(([name, entries]) => {
      const entry = entries.find(({ versions }) => versions.includes(profile));
      if (entry === undefined) return [];
      const { versions: _, ...known } = entry;
      return [[name, known as Entry]];
    }),
  );
}
