import { MoveError } from "../../database/move/move-error.ts";
import { readMoveRoles, readRoleNames } from "../../database/move/move-roles.ts";
import { IDEMPOTENT, type MoveDependencies } from "./move-dependencies.ts";

/**
 * Roles are not replicated. Without this check, opening the target would fail while the source is closed.
 * @throws {MoveError} `roles-missing`
 */
export async function assertRolesThere(deps: MoveDependencies): Promise<void> {
  const { roles } = await deps.source(readMoveRoles, IDEMPOTENT);
  const there = await deps.target(readRoleNames, IDEMPOTENT);
  const missing = roles.map(({ name }) => name).filter((name) => !there.has(name));
  if (missing.length === 0) return;
  throw new MoveError({
    code: "roles-missing",
    message: `the target: expected the roles of the source's database, but it lacks ${missing.slice(0, 5).join(", ")}`,
    remedy:
      "These roles were created in the source after the start of the move. Create them on the target's server with their memberships and passwords, and switch again.",
  });
}
