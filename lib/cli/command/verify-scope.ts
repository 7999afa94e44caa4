import { randomBytes } from "node:crypto";
import type { Ask } from "../../database/client/deadline-client.ts";
import { countHostSectors, findObject } from "../../database/verify/read-scope.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { drawsFor } from "../../jobs/verify/sample-size.ts";
import type { VerifyScope } from "../../jobs/verify/verify-run.ts";
import { findSlab } from "./find-slab.ts";
import { findNamedHost } from "./named-host.ts";

export interface ScopeOptions {
  readonly host?: string;
  readonly slab?: string;
  readonly object?: string;
  readonly sample?: boolean;
  /** Percent. */
  readonly missing: number;
  readonly confidence: number;
}

/** @throws {OperatorError} `bad-argument`, `no-such-slab`, `no-such-object`, `no-such-host` */
export async function resolveScope(ask: Ask, options: ScopeOptions): Promise<VerifyScope> {
  const { host, slab, object, sample = false } = options;
  const given = [host, slab, object].filter((name) => name !== undefined);
  if (given.length !== 1 || (sample && host === undefined)) {
    throw new OperatorError({
      code: "bad-argument",
      message: "verify: expected one host, a sample of one host, one slab or one object, got something else",
      remedy: "Name one host, slab or object; only a host can be sampled.",
    });
  }
  if (slab !== undefined) {
    const { id, sectors } = await ask((sql) => findSlab(sql, slab), { isIdempotent: true });
    return { of: "slab", slab: String(id), sectors: sectors.length };
  }
  if (object !== undefined) return await resolveObject(ask, object.toLowerCase());
  const { hostKey, hostId } = await findNamedHost(ask, host!);
  const sectors = await ask((sql) => countHostSectors(sql, hostId), { isIdempotent: true });
  return { of: "host", host: hostKey, sectors, sample: sample ? sampleOf(options, sectors) : null };
}

async function resolveObject(ask: Ask, key: string): Promise<VerifyScope> {
  const isKey = /^[0-9a-f]{64}$/.test(key);
  const { ids, sectors } = isKey
    ? await ask((sql) => findObject(sql, key), { isIdempotent: true })
    : { ids: [], sectors: 0 };
  if (ids.length > 0) return { of: "object", object: key, ids: [...ids], sectors };
  throw new OperatorError({
    code: "no-such-object",
    message: `object: expected the key of an object in indexd, in 64 hex digits, got ${isKey ? key : "something else"}`,
    remedy: "Take it from slabmend slab SLAB --json, or from indexd.",
  });
}

/**
 * Null if the sample would need at least as many draws as the host has sectors: checking all sectors then proves more.
 */
function sampleOf({ missing, confidence }: ScopeOptions, sectors: number) {
  const claim = { missingShare: missing / 100, confidence: confidence / 100 };
  const draws = drawsFor(claim);
  return draws >= sectors ? null : { ...claim, draws, seed: randomBytes(32).toString("hex") };
}
