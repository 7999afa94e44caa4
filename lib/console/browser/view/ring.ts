import type { SlabReport } from "../openapi/reports.ts";
import type { Tone } from "./tone.ts";

export type ShardState = SlabReport["shards"][number]["state"];

export interface ShardLook {
  readonly tone: Tone;
  /** Solid: stays as it is. Hatched: present, but must be moved or pinned. Hollow: denied, lost or pinned wrongly. */
  readonly look: "solid" | "hatched" | "hollow";
  /** A mark inside the segment, so that colour is not the only signal. */
  readonly mark: string;
  readonly name: string;
  readonly says: string;
}

export const SHARD_LOOKS: Readonly<Record<ShardState, ShardLook>> = {
  live: { tone: "good", look: "solid", mark: "", name: "live", says: "On a good host, in a good contract." },
  unpinned: {
    tone: "good",
    look: "hatched",
    mark: "",
    name: "unpinned",
    says: "On a good host, not yet in a contract. indexd pins it.",
  },
  "bad-contract": {
    tone: "wait",
    look: "hatched",
    mark: "c",
    name: "bad contract",
    says: "Its contract has ended or ends soon. The host may still serve it.",
  },
  draining: {
    tone: "good",
    look: "hatched",
    mark: "→",
    name: "draining",
    says: "It is safe, but its host is being drained, so it is copied to another host.",
  },
  "bad-host": {
    tone: "warn",
    look: "hatched",
    mark: "!",
    name: "bad host",
    says: "Its host is blocked or fails indexd's checks. It can be read, but must move.",
  },
  "duplicate-host": {
    tone: "warn",
    look: "hatched",
    mark: "2",
    name: "duplicate host",
    says: "Another shard of this slab is on the same host.",
  },
  denied: {
    tone: "warn",
    look: "hollow",
    mark: "?",
    name: "denied",
    says: "Its host reported it missing or corrupt. The location is kept until the shard is stored elsewhere.",
  },
  lost: {
    tone: "danger",
    look: "hollow",
    mark: "×",
    name: "lost",
    says: "On no host. It must be rebuilt from other shards.",
  },
  "pinned-wrongly": {
    tone: "danger",
    look: "hollow",
    mark: "≠",
    name: "pinned wrongly",
    says: "Rebuilding it from other shards does not give its root, so it can only be copied.",
  },
};

export interface Segment {
  readonly index: number;
  /** The segment's outline, as an SVG path around the origin. */
  readonly path: string;
  /** Lines across a hatched segment, as one SVG path. */
  readonly hatch: string;
  /** Position of the mark. */
  readonly x: number;
  readonly y: number;
}

const OUTER = 140;
const INNER = 104;
/** Gap between two segments, in radians. */
const GAP = 0.018;

const at = (radius: number, angle: number) =>
  `${(radius * Math.sin(angle)).toFixed(2)} ${(-radius * Math.cos(angle)).toFixed(2)}`;

/** One segment for each of `total` shards, clockwise from the top. */
export function segmentsOf(total: number): Segment[] {
  const each = (2 * Math.PI) / Math.max(total, 1);
  const gap = total === 1 ? 0.001 : Math.min(GAP, each / 6);
  return Array.from({ length: total }, (_, index) => {
    const from = index * each + gap;
    const to = (index + 1) * each - gap;
    const large = to - from > Math.PI ? 1 : 0;
    const middle = (from + to) / 2;
    const path =
      `M${at(OUTER, from)}A${OUTER} ${OUTER} 0 ${large} 1 ${at(OUTER, to)}` +
      `L${at(INNER, to)}A${INNER} ${INNER} 0 ${large} 0 ${at(INNER, from)}Z`;
    const lines = Math.max(1, Math.min(6, Math.round((to - from) / 0.05)));
    const hatch = Array.from({ length: lines }, (_, line) => {
      const angle = from + ((line + 0.5) * (to - from)) / lines;
      return `M${at(INNER + 3, angle - 0.012)}L${at(OUTER - 3, angle + 0.012)}`;
    }).join("");
    const radius = (OUTER + INNER) / 2;
    return { index, path, hatch, x: radius * Math.sin(middle), y: -radius * Math.cos(middle) };
  });
}

/** Number of shards in each state that occurs, in the order of SHARD_LOOKS. */
export function countStates(shards: SlabReport["shards"]): (readonly [ShardState, number])[] {
  return (Object.keys(SHARD_LOOKS) as ShardState[])
    .map((state) => [state, shards.filter((shard) => shard.state === state).length] as const)
    .filter(([, shardCount]) => shardCount > 0);
}
