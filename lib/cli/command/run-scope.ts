/** Resolves the scope that an operator gave for a maintenance run, by a command or through the API. */
import type { Ask } from "../../database/client/deadline-client.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { drainKind } from "../../jobs/drain/drain-kind.ts";
import { verifyKind } from "../../jobs/verify/verify-kind.ts";
import { resolveDrainScope } from "./drain-scope.ts";
import { resolveScope, type ScopeOptions } from "./verify-scope.ts";

/** Kinds that `maintenance start` and the API may start; the other kinds have their own commands. */
export const STARTABLE_KINDS = [verifyKind, drainKind] as const;

export interface RunScopeOptions extends Omit<ScopeOptions, "host"> {
  /** Public keys. */
  readonly hosts: readonly string[];
}

/** @throws {OperatorError} `bad-argument`, and the errors of `resolveDrainScope` and `resolveScope` */
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
    remedy: "Name hosts: only hosts can be drained.",
  });
}

function oneHost(): OperatorError {
  return new OperatorError({
    code: "bad-argument",
    message: "verify: expected one host, got several",
    remedy: "Start one verification per host.",
  });
}
