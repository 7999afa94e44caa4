import type { ISql } from "postgres";
import { readPrivilegeGaps } from "../indexd/missing-privileges.ts";
import { OperatorError } from "./operator-error.ts";

const NAMED_AT_MOST = 5;

/**
 * Before anything is leased: a worker without a right would find out at its commit, when all work is done.
 * @throws {OperatorError} `lacks-right`
 */
export async function assertPrivileges(sql: ISql): Promise<void> {
  const { missing } = await readPrivilegeGaps(sql);
  if (missing.length === 0) return;
  throw new OperatorError({
    code: "lacks-right",
    message: `the role's rights: expected what slabmend grant prints, but it may not ${nameSome(missing)}`,
    remedy:
      "Apply what `slabmend grant` prints as the owner of the database; again after each upgrade of our schema.",
    details: { missing: missing.length },
  });
}

export function nameSome(names: readonly string[]): string {
  const named = names.slice(0, NAMED_AT_MOST).join("; ");
  return names.length > NAMED_AT_MOST ? `${named}; and ${names.length - NAMED_AT_MOST} more` : named;
}
