/** What a maintenance run is to be about, as an operator names it by a command or the API. */
import type { Ask } from "../../database/client/deadline-client.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { drainKind } from "../../jobs/drain/drain-kind.ts";
import { verifyKind } from "../../jobs/verify/verify-kind.ts";
import { resolveDrainScope } from "./drain-scope.ts";
import { resolveScope, type ScopeOptions } from "./verify-scope.ts";

/** Kinds that any process may start; the others have commands of their own. */
export const STARTABLE_KINDS = [verifyKind, drainKind] as const;

export interface RunScopeOptions extends Omit<ScopeOptions, "host"> {
  /** By public key. */
  readonly hosts: readonly string[];
}

/** @throws {OperatorError} `bad-argument`, and what the kind's scope throws */
export async function resolveRunScope(ask: Ask, kind: string, options: RunScopeOptions): Promise<object> {
  const { hosts, ...others } = options;
  if (kind === drainKind.kind) {
    if (others.slab !== undefined || others.object !== undefined || others.sample === true) throw onlyHosts();
    return await resolveDrainScope(ask, hosts);
  }
  const [host, ...more] = hosts;
  if (more.length > 0) throw oneHost();
  return await resolveScope(ask, { ...others, ...(host === undefined ? {} : { host }) });
}

function onlyHosts(): OperatorError {
  return new OperatorError({
    code: "bad-argument",
    message: "drain: expected hosts, got a slab, an object or a sample",
    remedy: "A drain is of hosts.",
  });
}

function oneHost(): OperatorError {
  return new OperatorError({
    code: "bad-argument",
    message: "verify: expected one host, got several",
    remedy: "Verify one host after the other.",
  });
}
