/** The live picture of a run on a terminal: a bar, the moves, a row per slab, and a grid of the hosts. Pure. */
import type { Root } from "../../lib/slab/ids.ts";
import type { DamagedSector } from "./inflict-damage.ts";
import type { HostFate } from "./plan-losses.ts";
import { formatBytes } from "./progress.ts";
import type { StoredSlab } from "./store-objects.ts";
import type { RepairState } from "./watch-repairs.ts";

/** Fits terminals of 80 columns. */
const WIDTH = 79;
const BAR = 24;
/**
 * At most this many slabs have a line of their own; all further slabs share one line, so that the picture fits 24
 * lines.
 */
const MOST_SLABS = 10;

export interface RunPicture {
  readonly slabs: readonly Pick<StoredSlab, "id" | "roots">[];
  readonly damage: readonly Pick<DamagedSector, "slabId" | "root">[];
  readonly fates: readonly HostFate[];
  readonly state: Pick<RepairState, "open" | "openSlabs" | "moved">;
  readonly traffic: { readonly bytesRead: number; readonly bytesWritten: number };
  readonly seconds: number;
  readonly colours: boolean;
}

type Paint = (text: string, colour: Colour) => string;
type Colour = keyof typeof COLOURS;
const COLOURS = { green: 32, red: 31, yellow: 33, blue: 34, magenta: 35, grey: 90 } as const;

export function paintWith(colours: boolean): Paint {
  return (text, colour) => (colours ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text);
}

/** The hosts' fates as letters, so that the picture can be read without colours. */
const FATES: Readonly<
  Record<HostFate, { readonly letter: string; readonly colour: Colour; readonly says: string }>
> = {
  fine: { letter: "o", colour: "green", says: "good" },
  dead: { letter: "x", colour: "red", says: "dead" },
  blocked: { letter: "b", colour: "yellow", says: "blocked" },
  "bad-contract": { letter: "c", colour: "blue", says: "bad contract" },
  liar: { letter: "~", colour: "magenta", says: "lies" },
  draining: { letter: "d", colour: "blue", says: "is drained" },
  forgetful: { letter: "?", colour: "magenta", says: "forgets for a while" },
};

/** Returns the picture's lines. Where there is no terminal, the demo prints only the first line. */
export function drawRun(run: RunPicture): string[] {
  const paint = paintWith(run.colours);
  const { damage, state, traffic, seconds } = run;
  const damagedSlabs = new Set(damage.map(({ slabId }) => slabId)).size;
  const healthy = damage.length - state.open.length;
  const moved = [...state.moved.values()];
  const copied = moved.filter((how) => how === "copied").length;
  const rate = formatBytes((traffic.bytesRead + traffic.bytesWritten) / Math.max(seconds, 0.001));
  const share = damage.length === 0 ? 1 : healthy / damage.length;
  return [
    `repaired ${healthy} of ${damage.length} sectors, ${damagedSlabs - state.openSlabs} of ${damagedSlabs} slabs ` +
      paint(bar(share), "green"),
    `copied ${copied}, rebuilt ${moved.length - copied}; read ${formatBytes(traffic.bytesRead)}, ` +
      `written ${formatBytes(traffic.bytesWritten)}, ${rate}/s`,
    ...drawSlabs(run, paint),
    ...drawHosts(run.fates, paint),
  ];
}

function bar(share: number): string {
  const full = Math.floor(share * BAR);
  return `[${"#".repeat(full)}${".".repeat(BAR - full)}]`;
}

function drawSlabs({ slabs, damage, state }: RunPicture, paint: Paint): string[] {
  const damaged = new Set(damage.map(({ root }) => root));
  const open = new Set(state.open.map(({ root }) => root));
  const rows = slabs.slice(0, MOST_SLABS).map(({ id, roots }) => {
    const name = `slab ${String(id).padStart(3)} `;
    const most = WIDTH - name.length - 2;
    const shown = roots.slice(0, roots.length > most ? most - 1 : most);
    const shards = shown.map((root) => drawShard(root, damaged, open, paint)).join("");
    return `${name} ${shards}${shown.length < roots.length ? "…" : ""}`;
  });
  const rest = slabs.slice(MOST_SLABS);
  if (rest.length > 0) {
    const waiting = rest.filter(({ roots }) => roots.some((root) => open.has(root))).length;
    rows.push(`and ${rest.length} more slabs, ${waiting} of them with damaged sectors`);
  }
  return [...rows, `${" ".repeat(10)}= healthy  # repaired  - damaged`];
}

function drawShard(root: Root, damaged: ReadonlySet<Root>, open: ReadonlySet<Root>, paint: Paint): string {
  if (open.has(root)) return paint("-", "red");
  return damaged.has(root) ? paint("#", "green") : paint("=", "grey");
}

function drawHosts(fates: readonly HostFate[], paint: Paint): string[] {
  const lines: string[] = [];
  for (let at = 0; at < fates.length; at += 60) {
    const row = fates.slice(at, at + 60).map((fate) => paint(FATES[fate].letter, FATES[fate].colour));
    lines.push(`${(at === 0 ? "hosts" : "").padEnd(10)}${row.join("")}`);
  }
  const legend = (Object.keys(FATES) as HostFate[])
    .filter((fate) => fates.includes(fate))
    .map((fate) => `${FATES[fate].letter} ${FATES[fate].says}`);
  // At most five rows of hosts are shown, because a grid of 500 hosts would push the rest off the screen.
  return [...lines.slice(0, 5), `${" ".repeat(10)}${legend.join("  ")}`];
}
