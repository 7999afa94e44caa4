/** Whether a restore may begin. Pure. */
import type { RestoreState } from "../../database/restore/restore-reads.ts";

export type RestoreObstacle =
  /** Another process is connected: indexd, a worker of the fleet, or a person. */
  | { readonly code: "still-connected"; readonly who: readonly string[] }
  /** These roles may log in, so indexd could start in the middle of the restore, and prune. */
  | { readonly code: "login-allowed"; readonly roles: readonly string[] }
  /** indexd never started on this database. */
  | { readonly code: "no-wallet" };

/** @param indexdRole indexd's login; undefined: any login that may write slabs, except superusers */
export function judgeRestore(
  state: RestoreState,
  indexdRole: string | undefined,
): readonly RestoreObstacle[] {
  const roles = state.logins
    .filter(({ role, isSuperuser }) => (indexdRole === undefined ? !isSuperuser : role === indexdRole))
    .map(({ role }) => role);
  const who = state.sessions.map(({ role, application }) => `${role} (${application || "no name"})`);
  return [
    ...(state.walletHash === null ? [{ code: "no-wallet" } as const] : []),
    ...(who.length > 0 ? [{ code: "still-connected", who } as const] : []),
    ...(roles.length > 0 ? [{ code: "login-allowed", roles } as const] : []),
  ];
}
