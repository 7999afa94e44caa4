import type { HostReport } from "../openapi/reports.ts";
import { bytes } from "./format.ts";
import type { IconName, Tone } from "./tone.ts";

export type HostState = "takes" | "keeps" | "struggles" | "suspected" | "bad" | "blocked";

export interface HostLook {
  readonly state: HostState;
  readonly tone: Tone;
  /** Null: nothing special, so no icon. */
  readonly icon: IconName | null;
  readonly says: string;
}

export const HOST_LOOKS: Readonly<Record<HostState, HostLook>> = {
  takes: { state: "takes", tone: "good", icon: null, says: "takes sectors" },
  keeps: { state: "keeps", tone: "wait", icon: "full", says: "keeps its sectors, takes no new ones" },
  struggles: { state: "struggles", tone: "warn", icon: "alert", says: "fails often" },
  suspected: {
    state: "suspected",
    tone: "warn",
    icon: "eye",
    says: "denies an unusual share of its sectors",
  },
  bad: { state: "bad", tone: "danger", icon: "cross", says: "fails indexd's checks" },
  blocked: { state: "blocked", tone: "quiet", icon: "blocked", says: "blocked in indexd" },
};

/** A host that fails a third of its requests costs more than it gives. */
const FAILS_OFTEN = 0.33;

export function lookOf(host: HostReport): HostLook {
  if (host.blocked) return HOST_LOOKS.blocked;
  if (!host.isGood) return HOST_LOOKS.bad;
  if (host.denials?.suspected === true) return HOST_LOOKS.suspected;
  if (host.score !== null && host.score.failureRate >= FAILS_OFTEN) return HOST_LOOKS.struggles;
  return host.isCandidate ? HOST_LOOKS.takes : HOST_LOOKS.keeps;
}

/**
 * Opacity of a cell's fill, 10…70 %: read speed on a logarithmic scale from 100 kB/s to 100 MB/s. A host that was not
 * used recently has the lowest value.
 */
export function fillOf(host: HostReport): number {
  const speed = host.score?.readBytesPerSecond ?? host.score?.writeBytesPerSecond ?? null;
  if (speed === null || speed <= 0) return 10;
  return Math.round(10 + 60 * Math.min(1, Math.max(0, (Math.log10(speed) - 5) / 3)));
}

/** Short lines: why the host takes no sectors, and its measurements. */
export function linesOf(host: HostReport): string[] {
  const lines: string[] = [];
  if (host.why.length > 0) lines.push(`No candidate: ${host.why.join(", ")}`);
  const { score, denials } = host;
  if (score === null) lines.push("Not used recently");
  else {
    const speeds = [
      score.readBytesPerSecond === null ? null : `reads ${bytes(score.readBytesPerSecond)}/s`,
      score.writeBytesPerSecond === null ? null : `writes ${bytes(score.writeBytesPerSecond)}/s`,
    ].filter((speed) => speed !== null);
    if (speeds.length > 0) lines.push(speeds.join(", "));
    if (score.failureRate > 0.005) lines.push(`Fails ${Math.round(score.failureRate * 100)} % of calls`);
    if (score.outOfFunds) lines.push("Our account there lacks funds");
    if (score.full) lines.push("Refused a sector for lack of space");
  }
  if (denials !== null && denials.open > 0) lines.push(`${denials.open} open denials`);
  lines.push(`${bytes(host.contractBytes)} in contracts, ${bytes(host.remainingStorageBytes)} free`);
  return lines;
}

export type HostOrder = "state" | "speed" | "size" | "key";

/**
 * A copy sorted by `order`; states come in the order of HOST_LOOKS. Hosts that are equal in `order` are sorted by key,
 * so that they keep their places.
 */
export function sortHosts(hosts: readonly HostReport[], order: HostOrder): HostReport[] {
  const states = Object.keys(HOST_LOOKS);
  const rank: Record<HostOrder, (host: HostReport) => number> = {
    state: (host) => states.indexOf(lookOf(host).state),
    speed: (host) => -(host.score?.readBytesPerSecond ?? 0),
    size: (host) => -host.contractBytes,
    key: () => 0,
  };
  return hosts.toSorted((a, b) => rank[order](a) - rank[order](b) || (a.hostKey < b.hostKey ? -1 : 1));
}

/** The cell that an arrow key, Home or End leads to in a grid of `columns`; `at` if the key leads out of the grid. */
export function moveInGrid(at: number, key: string, columns: number, total: number): number {
  const step: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
  };
  if (key === "Home") return 0;
  if (key === "End") return total - 1;
  const next = at + (step[key] ?? 0);
  return next < 0 || next >= total ? at : next;
}
