/**
 * What a TiB repaired costs, from what repairs were measured to take and from prices: docs/cost.md has the formulas and the
 * tables that follow from docs/cost/measured.json and docs/cost/prices.json. Pure.
 */
import { type LambdaBill, type LambdaPrices, lambdaBill } from "../lib/cli/commands/status/lambda-bill.ts";
import type { RepairWall } from "./repair-wall.ts";

/** TB are 10^12 bytes. */
export interface PriceList extends LambdaPrices {
  /** CloudWatch's, each month. */
  readonly watching: {
    readonly usdPerCustomMetric: number;
    readonly usdPerAlarmMetric: number;
    readonly usdPerDashboard: number;
  };
  /** Its line carries this rate in each direction at once, at no price of its own. */
  readonly server: {
    readonly usdPerMonth: number;
    readonly gigabitsPerSecond: number;
    readonly cores: number;
  };
  readonly hosts: {
    readonly siacoinsPerTbRead: number;
    readonly siacoinsPerTbWritten: number;
    readonly siacoinsPerTbMonthStored: number;
  };
}

/** Of a repair: what its cost follows from. */
export type RepairUse = Pick<
  RepairWall,
  "sectors" | "wallMs" | "cpuMs" | "bytesRead" | "bytesWritten" | "logBytes"
>;

const TEBIBYTE = 2 ** 40;
const SECTOR_BYTES = 2 ** 22;
const SECTORS_PER_TEBIBYTE = TEBIBYTE / SECTOR_BYTES;
const TERABYTE = 1e12;
const HOURS_PER_MONTH = 730;
const SECONDS_PER_HOUR = 3_600;
/** A host keeps what is written for so long unless a contract takes it: docs/protocol.md, RHP4 costs. */
const BLOCKS_KEPT = 432;
/** 30 days of 144 blocks: what hosts call a month. */
const BLOCKS_PER_MONTH = 4_320;

export function repairsPerTebibyte({ sectors }: Pick<RepairUse, "sectors">): number {
  return SECTORS_PER_TEBIBYTE / sectors;
}

export function lambdaCost(use: RepairUse, prices: PriceList): LambdaBill {
  const repairs = repairsPerTebibyte(use);
  return lambdaBill(
    {
      repairs,
      wallMs: repairs * use.wallMs,
      bytesRead: repairs * use.bytesRead,
      bytesWritten: repairs * use.bytesWritten,
      logBytes: repairs * use.logBytes,
    },
    prices,
  );
}

/** What a scheduled function costs each month that runs so long every minute. */
export function scheduledUsd(secondsAMinute: number, memoryMb: number, { lambda }: PriceList): number {
  const seconds = secondsAMinute * 60 * HOURS_PER_MONTH;
  return ((seconds * memoryMb) / 1_024) * lambda.usdPerGbSecond;
}

export interface ServerCost {
  readonly lineHours: number;
  readonly cpuHours: number;
  readonly usd: number;
  /** Repairs at once that keep the line or the cores busy, whichever is the narrower. */
  readonly concurrency: number;
}

export function serverCost(use: RepairUse, { server }: PriceList): ServerCost {
  const repairs = repairsPerTebibyte(use);
  // Full duplex: the direction that carries more decides.
  const bits = repairs * Math.max(use.bytesRead, use.bytesWritten) * 8;
  const lineHours = bits / (server.gigabitsPerSecond * 1e9) / SECONDS_PER_HOUR;
  const cpuHours = (repairs * use.cpuMs) / 1_000 / server.cores / SECONDS_PER_HOUR;
  const hours = Math.max(lineHours, cpuHours);
  return {
    lineHours,
    cpuHours,
    usd: (hours * server.usdPerMonth) / HOURS_PER_MONTH,
    concurrency: Math.ceil((repairs * use.wallMs) / 1_000 / SECONDS_PER_HOUR / hours),
  };
}

/** What hosts charge, until indexd pins what was written. */
export function siacoinsPerTebibyte(use: RepairUse, { hosts }: PriceList): number {
  const repairs = repairsPerTebibyte(use);
  const stored = hosts.siacoinsPerTbMonthStored * (BLOCKS_KEPT / BLOCKS_PER_MONTH);
  const read = use.bytesRead * hosts.siacoinsPerTbRead;
  const written = use.bytesWritten * (hosts.siacoinsPerTbWritten + stored);
  return (repairs * (read + written)) / TERABYTE;
}
