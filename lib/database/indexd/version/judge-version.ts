/**
 * Whether, and how, indexd's database may be written to. Pure.
 *
 *   known      a known version, and everything that we use is as expected
 *   identical  an unknown version, but everything that we use is as in the newest known one
 *   consent    there are differences, but none is `changed` (compare-catalogues.ts): an operator may accept the version
 *   changed    because of at least one difference, what we write may have another meaning
 *   too-old    older than the oldest known version
 *   upgrading  an intermediate version: indexd is in the middle of an upgrade, which takes seconds
 */
import { compareCatalogues, type Difference } from "./compare-catalogues.ts";
import {
  COMPARED_PRIVILEGES,
  INDEXD_BODIES,
  knownCatalogue,
  NEWEST_PROFILE,
  OLDEST_PROFILE,
  PASSING_VERSIONS,
  PROFILES,
  type Profile,
} from "./profiles.ts";
import type { IndexdCatalogue } from "./read-catalogue.ts";

export type Verdict =
  | { readonly kind: "known" | "identical"; readonly version: number; readonly profile: Profile }
  | {
      readonly kind: "consent";
      readonly version: number;
      readonly profile: Profile;
      readonly differences: readonly Difference[];
      /** An operator has accepted exactly this version. */
      readonly isAccepted: boolean;
    }
  | {
      readonly kind: "changed";
      readonly version: number;
      /** The database was compared with the catalogue of this profile. */
      readonly profile: Profile;
      readonly differences: readonly Difference[];
    }
  | { readonly kind: "too-old" | "upgrading"; readonly version: number };

/** @param accepted the version that an operator has accepted despite its differences */
export function judgeVersion(version: number, found: IndexdCatalogue, accepted: number | undefined): Verdict {
  if (version < OLDEST_PROFILE) return { kind: "too-old", version };
  if (PASSING_VERSIONS.includes(version)) return { kind: "upgrading", version };
  const known = PROFILES.find((profile) => profile === version);
  const profile = known ?? NEWEST_PROFILE;
  const differences = compareCatalogues(knownCatalogue(profile), found, {
    privileges: COMPARED_PRIVILEGES,
    knownBodies: INDEXD_BODIES[profile],
  });
  if (differences.length === 0)
    return { kind: known === undefined ? "identical" : "known", version, profile };
  if (differences.some(({ severity }) => severity === "changed")) {
    return { kind: "changed", version, profile, differences };
  }
  return { kind: "consent", version, profile, differences, isAccepted: accepted === version };
}

/** The version whose rules apply to writes; undefined: nothing may be written. */
export function writableProfile(verdict: Verdict): Profile | undefined {
  switch (verdict.kind) {
    case "known":
    case "identical":
      return verdict.profile;
    case "consent":
      return verdict.isAccepted ? verdict.profile : undefined;
    default:
      return undefined;
  }
}
