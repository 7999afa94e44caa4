import { randomBytes } from "node:crypto";
import pLimit from "p-limit";
import type { Clock } from "../../../clock/clock.ts";
import type { NetworkHost, NetworkSnapshot } from "../../../database/indexd/network-snapshot.ts";
import { createHostDialer } from "../../../hosts/dial-host.ts";
import { HostError } from "../../../hosts/host-error.ts";
import { createHostPool } from "../../../hosts/host-pool.ts";
import { accountKeyFromSeed } from "../../../keys/account-key.ts";
import { isGoodHost } from "../../../placement/sectors-to-move.ts";
import { readSectorCost, writeSectorCost } from "../../../rhp4/costs.ts";
import { SECTOR_BYTES } from "../../../slab/sizes.ts";
import { type Check, failure, ok, skipped, warning } from "./check.ts";

export interface HostCheckOptions {
  /** Undefined: hosts are dialled, but no account balance is checked. Secret. */
  readonly seed: Uint8Array | undefined;
  readonly allowPrivateAddresses: boolean;
  /** Number of good hosts to dial, drawn at random. */
  readonly hosts: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** A host's answer. */
export type HostAnswer =
  | { readonly kind: "funded" | "dry" | "reached" }
  | { readonly kind: "unreachable"; readonly code: string };

const DIALS_AT_ONCE = 10;
/** A host that takes longer to answer is too slow for a repair. */
const ANSWER_WITHIN_MS = 15_000;

/** Dials good hosts from here as a repair would, and reads the balance of the seed's account. Pays nothing. */
export async function checkHosts(fleet: NetworkSnapshot, options: HostCheckOptions): Promise<Check[]> {
  const good = [...fleet.hosts.values()].filter((host) => isGoodHost(host) && host.addresses.length > 0);
  if (good.length === 0) {
    return [
      failure(
        "hosts",
        `indexd knows ${fleet.hosts.size} hosts, but no good host with a siamux address`,
        "Check indexd: it must scan hosts and form contracts first.",
      ),
    ];
  }
  const chosen = good
    .map((host) => ({ host, place: options.random() }))
    .sort((a, b) => a.place - b.place)
    .slice(0, options.hosts)
    .map(({ host }) => host);
  return judgeHosts(await askHosts(chosen, options), options.seed !== undefined);
}

async function askHosts(hosts: readonly NetworkHost[], options: HostCheckOptions): Promise<HostAnswer[]> {
  const { clock, seed } = options;
  const pool = createHostPool({
    clock,
    // Without a seed, a random account is enough to ask for prices: hosts tell them to anyone.
    account: accountKeyFromSeed(seed ?? randomBytes(32)),
    dialer: createHostDialer({ clock, allowPrivateAddresses: options.allowPrivateAddresses }),
  });
  const limit = pLimit(DIALS_AT_ONCE);
  try {
    return await limit.map(hosts, async (host): Promise<HostAnswer> => {
      const signal = AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
      try {
        const prices = await pool.prices(host, signal);
        if (seed === undefined) return { kind: "reached" };
        const needed = readSectorCost(prices, SECTOR_BYTES) + writeSectorCost(prices, SECTOR_BYTES);
        return { kind: (await pool.balance(host, signal)) >= needed ? "funded" : "dry" };
      } catch (error) {
        options.signal.throwIfAborted();
        if (error instanceof HostError) return { kind: "unreachable", code: error.code };
        throw error;
      }
    });
  } finally {
    await pool.close();
  }
}

/** Pure. Some hosts are always offline; if most do not answer, the cause is on this side. */
export function judgeHosts(answers: readonly HostAnswer[], hasSeed: boolean): Check[] {
  const reached = answers.filter(({ kind }) => kind !== "unreachable").length;
  const codes = new Map<string, number>();
  for (const answer of answers) {
    if (answer.kind === "unreachable") codes.set(answer.code, (codes.get(answer.code) ?? 0) + 1);
  }
  const why = [...codes].map(([code, count]) => `${count} ${code}`).join(", ");
  const says = `${reached} of ${answers.length} good hosts answer over siamux${why === "" ? "" : ` (${why})`}`;
  const refused = codes.get("address-refused") ?? 0;
  const remedy =
    refused * 2 > answers.length - reached
      ? "Most hosts that do not answer have private addresses: set SLABMEND_ALLOW_PRIVATE_ADDRESSES=true if these hosts are yours, but not for hosts on the internet."
      : "Allow outgoing TCP to any port (each host chooses its port, mostly 9984); a VPC needs a NAT.";
  const reachable =
    reached === 0
      ? failure("hosts", says, remedy)
      : reached * 2 < answers.length
        ? warning("hosts", says, remedy)
        : ok("hosts", says);
  return [reachable, judgeFunds(answers, reached, hasSeed)];
}

function judgeFunds(answers: readonly HostAnswer[], reached: number, hasSeed: boolean): Check {
  if (!hasSeed) return skipped("account", "SLABMEND_MIGRATION_SEED is not set");
  if (reached === 0) return skipped("account", "no host answers");
  const funded = answers.filter(({ kind }) => kind === "funded").length;
  const says = `the seed's account can pay for a sector on ${funded} of ${reached} hosts`;
  if (funded === 0) {
    return failure(
      "account",
      says,
      "Compare seed and wallet: run slabmend derive-seed with the URL of the database's owner (the workers' role may not read the wallet's hash). If they match, check that indexd's funding loop runs and that indexd's contracts have allowance left.",
    );
  }
  // indexd funds the account on ten hosts per pass, so while the fleet works, some hosts always wait for the next
  // funding. A warning is due only if most of the hosts that answer wait for it.
  return funded * 2 < reached
    ? warning(
        "account",
        says,
        "indexd funds accounts every 2 minutes: look for failed funding in indexd's log. If there is none, lower the concurrency.",
      )
    : ok("account", says);
}
