import type { StatusReport } from "../openapi/reports.ts";
import { bytes, count, siacoins, siacoinsOfHastings } from "./format.ts";
import type { Tone } from "./tone.ts";

export interface Gauge {
  readonly name: string;
  readonly spent: string;
  readonly limit: string;
  /** Spent share of the limit, 0…1. */
  readonly share: number;
  readonly tone: Tone;
}

const NAMES = {
  hastings: ["Siacoins", (value: string) => siacoins(siacoinsOfHastings(value))],
  bytesRead: ["Bytes read", (value: string) => bytes(Number(value))],
  repairs: ["Repairs", (value: string) => count(Number(value))],
} as const;

/** The daily limits that are set, and how much of each is spent; empty if there is none. */
export function gaugesOf({ limits, spent, stoppedBy }: StatusReport["budget"]): Gauge[] {
  return (Object.keys(NAMES) as (keyof typeof NAMES)[]).flatMap((key) => {
    const limit = limits[key];
    if (limit === null) return [];
    const used = spent[key] ?? "0";
    const share = Number(limit) === 0 ? 1 : Math.min(1, Number(used) / Number(limit));
    const [name, print] = NAMES[key];
    const tone: Tone = stoppedBy.length > 0 && share >= 1 ? "danger" : share >= 0.8 ? "warn" : "good";
    return [{ name, spent: print(used), limit: print(limit), share, tone }];
  });
}
