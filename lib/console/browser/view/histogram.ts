import type { StatusReport } from "../openapi/reports.ts";
import { count, counted } from "./format.ts";
import type { Tone } from "./tone.ts";

export interface Column {
  readonly margin: number;
  /** `3`, or `20+` for the last column if it combines all higher margins. */
  readonly tick: string;
  readonly ready: number;
  readonly waiting: number;
  readonly inDanger: number;
  /** Relative to the highest column, 0…1. */
  readonly readyHeight: number;
  readonly waitingHeight: number;
  readonly tone: Tone;
  /** Text of the column for screen readers. */
  readonly label: string;
  /** The filter of the linked list: slabs of this margin or less; no filter for a column like `20+`. */
  readonly query: Readonly<Record<string, string>>;
}

/** More columns do not fit on a phone; slabs with larger margins are the least urgent. */
const MOST_COLUMNS = 20;

/** Minimum height: an invisible column would look like zero. */
const LOWEST = 0.015;

/** Unhealthy slabs by margin: one column per margin from the lowest to the highest, including empty ones. */
export function columnsOf(margins: StatusReport["margins"]): Column[] {
  if (margins.length === 0) return [];
  const lowest = Math.min(0, ...margins.map(({ margin }) => margin));
  const highest = Math.max(lowest + 5, ...margins.map(({ margin }) => margin));
  const last = Math.min(highest, lowest + MOST_COLUMNS - 1);
  const columns = Array.from({ length: last - lowest + 1 }, (_, at) => {
    const margin = lowest + at;
    const within = margins.filter((one) => (margin === last ? one.margin >= last : one.margin === margin));
    const sum = (key: "ready" | "waiting" | "inDanger") => within.reduce((total, one) => total + one[key], 0);
    return {
      margin,
      isOpen: margin === last && highest > last,
      ready: sum("ready"),
      waiting: sum("waiting"),
      inDanger: sum("inDanger"),
    };
  });
  const most = Math.max(...columns.map(({ ready, waiting }) => ready + waiting), 1);
  const height = (slabs: number) => (slabs === 0 ? 0 : Math.max(slabs / most, LOWEST));
  return columns.map(({ isOpen, ...column }) => ({
    ...column,
    tick: isOpen ? `${column.margin}+` : String(column.margin).replace("-", "−"),
    readyHeight: height(column.ready),
    waitingHeight: height(column.waiting),
    tone: column.inDanger > 0 ? "danger" : column.margin <= 2 ? "warn" : "wait",
    label: labelOf(column, isOpen),
    query: isOpen ? {} : { margin: String(column.margin) },
  }));
}

function labelOf(
  column: { margin: number; ready: number; waiting: number; inDanger: number },
  isOpen: boolean,
): string {
  const { margin, ready, waiting, inDanger } = column;
  const parts = [`${count(ready)} ready`, `${count(waiting)} waiting`];
  if (inDanger > 0) parts.push(`${count(inDanger)} in danger`);
  return `Margin ${margin}${isOpen ? " or more" : ""}: ${counted(ready + waiting, "slab")}, ${parts.join(", ")}`;
}
