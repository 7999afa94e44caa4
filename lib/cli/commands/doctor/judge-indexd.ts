/** Describes the verdict on indexd's database to an operator. Pure. */
import { describeDifference } from "../../../database/indexd/version/compare-catalogues.ts";
import type { Verdict } from "../../../database/indexd/version/judge-version.ts";
import { PROFILES, RELEASES } from "../../../database/indexd/version/profiles.ts";
import { refusalOf } from "../../../database/indexd/version/refused-version.ts";
import { type Check, failure, ok, warning } from "./check.ts";

const SUPPORTED = `this release knows ${PROFILES.map((profile) => `${profile} (${RELEASES[profile]})`).join(", ")}`;

/** The verdict first, then one line per difference. */
export function describeVerdict(verdict: Verdict): Check[] {
  const refusal = refusalOf(verdict);
  if (refusal !== undefined) {
    return [failure("indexd", `${refusal.message}; ${SUPPORTED}`, refusal.remedy), ...differencesOf(verdict)];
  }
  switch (verdict.kind) {
    case "known":
      return [
        ok("indexd", `database version ${verdict.version}, as in ${RELEASES[verdict.profile]}; ${SUPPORTED}`),
      ];
    case "consent":
      return [
        warning(
          "indexd",
          `database version ${verdict.version} is accepted by SLABMEND_ACCEPT_INDEXD_VERSION and treated like the database version of ${RELEASES[verdict.profile]}; ${SUPPORTED}`,
          "Use a release of slabmend that knows this version as soon as there is one.",
        ),
        ...differencesOf(verdict),
      ];
    default:
      return [
        warning(
          "indexd",
          `database version ${verdict.version} is not known, but everything that slabmend uses in indexd's database is as in ${"profile" in verdict ? RELEASES[verdict.profile] : "any release"}; ${SUPPORTED}`,
          "It works. Read indexd's release notes (docs/indexd-upgrades.md says what to look for), and use a release of slabmend that knows this version as soon as there is one.",
        ),
      ];
  }
}

function differencesOf(verdict: Verdict): Check[] {
  if (!("differences" in verdict)) return [];
  return verdict.differences.map((difference) => {
    const says = describeDifference(difference);
    return difference.severity === "changed"
      ? failure(
          "indexd",
          says,
          "slabmend writes this or relies on it: use a release of slabmend that knows this version.",
        )
      : warning(
          "indexd",
          says,
          "slabmend only reads this: an operator may accept the difference with SLABMEND_ACCEPT_INDEXD_VERSION.",
        );
  });
}
