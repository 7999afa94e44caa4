import { IndexdError } from "../errors.ts";
import { type Difference, describeDifference } from "./compare-catalogues.ts";
import type { Verdict } from "./judge-version.ts";
import { OLDEST_PROFILE, RELEASES } from "./profiles.ts";

const NAMED_AT_MOST = 5;

/** Why a database with this verdict must not be written to; undefined: writing is allowed. */
export function refusalOf(verdict: Verdict): IndexdError | undefined {
  const { version } = verdict;
  switch (verdict.kind) {
    case "known":
    case "identical":
      return undefined;
    case "too-old":
      return new IndexdError({
        code: "indexd-too-old",
        message: `indexd's database: expected version ${OLDEST_PROFILE} (${RELEASES[OLDEST_PROFILE]}) or newer, got ${version}`,
        remedy:
          "Upgrade indexd: it upgrades its database when it starts. The fleet then continues by itself.",
        details: { version },
      });
    case "upgrading":
      return new IndexdError({
        code: "indexd-upgrading",
        message: `indexd's database: expected the version of a release, got ${version}, an intermediate version of an upgrade`,
        remedy:
          "Wait: an upgrade of indexd takes seconds. If it takes longer, the upgrade has failed; check indexd's log.",
        details: { version },
      });
    case "consent": {
      const { differences, isAccepted } = verdict;
      if (isAccepted) return undefined;
      return new IndexdError({
        code: "indexd-needs-consent",
        message: `indexd's database (version ${version}) differs from that of ${RELEASES[verdict.profile]} in ways that an operator has to judge: ${nameSome(differences)}`,
        remedy: `Read indexd's release notes (docs/indexd-upgrades.md lists what to look for). Then set SLABMEND_ACCEPT_INDEXD_VERSION=${version} for the whole fleet, or use a release of slabmend that knows this version. slabmend doctor lists every difference.`,
        details: { version, differences: differences.length },
      });
    }
    case "changed": {
      const { differences } = verdict;
      return new IndexdError({
        code: "indexd-changed",
        message: `indexd's database (version ${version}) differs from that of ${RELEASES[verdict.profile]}, so what slabmend writes might have another meaning now: ${nameSome(differences)}`,
        remedy:
          "Use a release of slabmend that supports this version; until then nothing is written. slabmend doctor lists every difference, and docs/indexd-upgrades.md explains what to do.",
        details: { version, differences: differences.length },
      });
    }
  }
}

/** The most important differences. */
function nameSome(differences: readonly Difference[]): string {
  const ordered = differences.toSorted(
    (a, b) => Number(b.severity === "changed") - Number(a.severity === "changed"),
  );
  const named = ordered.slice(0, NAMED_AT_MOST).map(describeDifference).join("; ");
  const more = differences.length - NAMED_AT_MOST;
  return more > 0 ? `${named}; and ${more} more` : named;
}
