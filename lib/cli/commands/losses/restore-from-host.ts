import type { Clock } from "../../../clock/clock.ts";
import type { Ask } from "../../../database/client/deadline-client.ts";
import {
  findSector,
  type RestoreResult,
  restoreLocation,
} from "../../../database/denials/restore-location.ts";
import { type NetworkHost, readNetworkSnapshot } from "../../../database/indexd/network-snapshot.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { createHostDialer } from "../../../hosts/dial-host.ts";
import { HostError } from "../../../hosts/host-error.ts";
import { createHostPool } from "../../../hosts/host-pool.ts";
import { rangeRead } from "../../../hosts/paid-rpc.ts";
import { createKernel } from "../../../kernel/kernel.ts";
import { accountKeyFromSeed } from "../../../keys/account-key.ts";
import type { HostKey, Root } from "../../../slab/ids.ts";
import { SECTOR_BYTES } from "../../../slab/sizes.ts";

export interface RestoreRequest {
  /** `sectors.id`, or the root. */
  readonly sector: string;
  readonly hostKey: HostKey;
  /** Secret. */
  readonly seed: Uint8Array;
  readonly allowPrivateAddresses: boolean;
  readonly acceptedVersion: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface RestoreReport {
  readonly sectorId: string;
  readonly root: Root;
  readonly host: HostKey;
  readonly result: "restored" | "cleared";
}

const KERNEL_BYTES = 16 * 1_048_576;

/**
 * Reads the whole sector from the host, checks its root, and records the sector there again.
 * @throws {OperatorError} `no-such-sector`, `no-such-host`, `sector-not-served` or `not-restored`
 */
export async function restoreFromHost(ask: Ask, request: RestoreRequest): Promise<RestoreReport> {
  const { sector: text, hostKey, acceptedVersion } = request;
  const sector = await ask((sql) => findSector(sql, text), { isIdempotent: true });
  if (sector === undefined) {
    throw new OperatorError({
      code: "no-such-sector",
      message: `sector ${text.slice(0, 80)}: expected it in indexd's table sectors, got none`,
      remedy: "Take its id or its root from slabmend losses list.",
    });
  }
  const network = await ask((sql) => readNetworkSnapshot(sql, { minHostDistanceKm: 0 }), {
    isIdempotent: true,
  });
  const host = [...network.hosts.values()].find((candidate) => candidate.hostKey === hostKey);
  if (host === undefined) {
    throw new OperatorError({
      code: "no-such-host",
      message: `host ${hostKey}: expected it in indexd's table hosts, got none`,
      remedy: "Take its key from slabmend losses list or slabmend hosts --json.",
    });
  }
  await assertServed(sector.root, host, request);
  const location = { ...sector, hostId: host.id };
  const result = await ask((sql) => restoreLocation(sql, location, { acceptedVersion }));
  if (result !== "restored" && result !== "cleared") throw notRestored(sector.root, hostKey, result);
  return { sectorId: String(sector.sectorId), root: sector.root, host: hostKey, result };
}

async function assertServed(root: Root, host: NetworkHost, request: RestoreRequest): Promise<void> {
  const { clock, seed, allowPrivateAddresses, signal } = request;
  const pool = createHostPool({
    clock,
    account: accountKeyFromSeed(seed),
    dialer: createHostDialer({ clock, allowPrivateAddresses }),
  });
  const into = new Uint8Array(SECTOR_BYTES);
  try {
    await pool.call(host, rangeRead({ root, offset: 0, into }), { signal });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof HostError) throw notServed(root, host.hostKey, cause.code);
    throw cause;
  } finally {
    await pool.close();
  }
  if (createKernel({ memoryBytes: KERNEL_BYTES }).sectorRoot(into) !== root)
    throw notServed(root, host.hostKey, "wrong-data");
}

function notServed(root: Root, host: HostKey, code: string): OperatorError {
  return new OperatorError({
    code: "sector-not-served",
    message: `sector ${root}: expected all of it from host ${host}, got ${code}`,
    remedy: "Nothing was changed. A location is restored only when its host serves the sector.",
  });
}

const WHY: Readonly<Record<Exclude<RestoreResult, "restored" | "cleared">, string>> = {
  "sector-gone": "indexd has deleted the sector",
  "located-elsewhere": "the sector is on another host now",
  "host-gone": "indexd has deleted the host",
  "host-blocked": "the host is blocked",
  "host-without-good-contract": "the host has no good contract to pin the sector to",
  "host-taken": "the host has another sector of the same slab",
};

function notRestored(root: Root, host: HostKey, why: keyof typeof WHY): OperatorError {
  return new OperatorError({
    code: "not-restored",
    message: `sector ${root} on host ${host}: expected a location that may be recorded, but ${WHY[why]}`,
    remedy: "Nothing was changed. A repair tries earlier locations itself when it has no other sources.",
    details: { why },
  });
}
