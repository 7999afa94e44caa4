import { randomBytes } from "node:crypto";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { countHostSectors } from "../../../database/verify/read-scope.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { drawsFor } from "../../../jobs/verify/sample-size.ts";
import type { VerifyScope } from "../../../jobs/verify/verify-run.ts";
import { findSlab } from "../../command/find-slab.ts";
import { findNamedHost } from "./named-host.ts";

export interface ScopeOptions {
  readonly host?: string;
  readonly slab?: string;
  readonly sample?: boolean;
  /** Percent. */
  readonly missing: number;
  readonly confidence: number;
}

/** @throws {OperatorError} `bad-argument`, `no-such-slab`, `no-such-host` */
export async function resolveScope(ask: Ask, options: ScopeOptions): Promise<VerifyScope> {
  const { host, slab, sample = false } = options;
  if ((host === undefined) === (slab === undefined) || (sample && host === undefined)) {
    throw new OperatorError({
      code: "bad-argument",
      message:
        "maintenance start verify: expected --host, --host with --sample, or --slab, got something else",
      remedy: "Name one host or one slab; only a host can be sampled.",
    });
  }
  if (slab !== undefined) {
    const { id, sectors } = await ask((sql) => findSlab(sql, slab), { isIdempotent: true });
    return { of: "slab", slab: String(id), sectors: sectors.length };
  }
  const { hostKey, hostId } = await findNamedHost(ask, host!);
  const sectors = await ask((sql) => countHostSectors(sql, hostId), { isIdempotent: true });
  return { of: "host", host: hostKey, sectors, sample: sample ? sampleOf(options, sectors) : null };
}

/** Null: the host has no more sectors than would be drawn, so all of them are checked, which says more. */
function sampleOf({ missing, confidence }: ScopeOptions, sectors: number) {
  const claim = { missingShare: missing / 100, confidence: confidence / 100 };
  const draws = drawsFor(claim);
  return draws >= sectors ? null : { ...claim, draws, seed: randomBytes(32).toString("hex") };
}
