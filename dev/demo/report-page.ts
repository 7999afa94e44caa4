/** The page of `--report`: one self-contained file. Pure. */
import type { DamagedSector } from "./inflict-damage.ts";
import type { HostFate } from "./plan-losses.ts";
import { formatBytes } from "./progress.ts";
import type { StoredSlab } from "./store-objects.ts";
import type { Verdict } from "./verdict.ts";
import type { RepairState } from "./watch-repairs.ts";

/** The state of the repairs at one moment. */
export interface RunSample {
  /** Time since the functions were deployed. */
  readonly seconds: number;
  readonly open: number;
  readonly copied: number;
  readonly rebuilt: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface ReportedRun {
  readonly verdict: Verdict;
  readonly failures: readonly string[];
  readonly seed: string;
  readonly samples: readonly RunSample[];
  readonly slabs: readonly Pick<StoredSlab, "id" | "roots">[];
  readonly damage: readonly Pick<DamagedSector, "root">[];
  readonly state: Pick<RepairState, "open" | "moved">;
  readonly fates: readonly HostFate[];
  /** The lines of the table as the terminal shows them, with columns aligned by spaces. */
  readonly table: readonly string[];
  readonly settings: readonly string[];
}

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 64;
const BOTTOM = 26;
const CELL = 14;

export function renderReport(run: ReportedRun): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>slabmend demo ${htmlOf(run.seed)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>slabmend demo</h1>
<p class="verdict ${run.verdict.kind}">${htmlOf(run.verdict.sentence)}</p>
${run.failures.length > 1 ? `<ul>${run.failures.map((why) => `<li>${htmlOf(why)}</li>`).join("")}</ul>` : ""}
<h2>Sectors over time</h2>
${chart(run.samples, [
  { name: "damaged", className: "damaged", of: ({ open }) => open },
  { name: "copied", className: "copied", of: ({ copied }) => copied },
  { name: "rebuilt", className: "rebuilt", of: ({ rebuilt }) => rebuilt },
])}
<h2>Traffic with hosts</h2>
${chart(
  run.samples,
  [
    { name: "read", className: "copied", of: ({ bytesRead }) => bytesRead },
    { name: "written", className: "rebuilt", of: ({ bytesWritten }) => bytesWritten },
  ],
  formatBytes,
)}
<h2>Slabs</h2>
<p class="legend">${legend({ healthy: "never damaged", copied: "copied", rebuilt: "rebuilt", repaired: "healthy again", damaged: "damaged" })}</p>
${slabGrid(run)}
<h2>Hosts</h2>
<p class="legend">${legend({ fine: "good", dead: "dead", blocked: "blocked", "bad-contract": "bad contract", liar: "lies", draining: "is drained" })}</p>
${hostGrid(run.fates)}
<h2>Numbers</h2>
<pre>${htmlOf(run.table.join("\n"))}</pre>
<h2>Times in the demo (and in production)</h2>
<pre>${htmlOf(run.settings.join("\n"))}</pre>
</body>
</html>
`;
}

interface Line {
  readonly name: string;
  readonly className: string;
  readonly of: (sample: RunSample) => number;
}

function chart(
  samples: readonly RunSample[],
  lines: readonly Line[],
  format: (value: number) => string = String,
): string {
  const end = Math.max(1, samples.at(-1)?.seconds ?? 1);
  const top = Math.max(1, ...samples.flatMap((sample) => lines.map((line) => line.of(sample))));
  const x = (seconds: number): number => LEFT + (seconds / end) * (WIDTH - LEFT - 90);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - 12);
  const drawn = lines.map((line) => {
    const points = samples.map(
      (sample) => `${x(sample.seconds).toFixed(1)},${y(line.of(sample)).toFixed(1)}`,
    );
    return `<polyline class="${line.className}" points="${points.join(" ")}"/>`;
  });
  // Each line has its label at its right end; labels are moved down so that they do not overlap.
  const ends = lines
    .map((line) => ({ line, at: y(samples.length === 0 ? 0 : line.of(samples.at(-1)!)) }))
    .sort((a, b) => a.at - b.at);
  let least = 0;
  const names = ends.map(({ line, at }) => {
    least = Math.max(at, least + 14);
    return `<text class="${line.className}" x="${x(end) + 6}" y="${Math.min(least, HEIGHT - BOTTOM) + 4}">${line.name}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${lines.map(({ name }) => name).join(", ")} over ${Math.round(end)} seconds">
<path class="axis" d="M${LEFT},12V${HEIGHT - BOTTOM}H${x(end)}"/>
<text x="${LEFT - 6}" y="16" text-anchor="end">${htmlOf(format(top))}</text>
<text x="${LEFT - 6}" y="${HEIGHT - BOTTOM}" text-anchor="end">0</text>
<text x="${x(end)}" y="${HEIGHT - 8}" text-anchor="end">${Math.round(end)} s</text>
${drawn.join("\n")}
${names.join("\n")}
</svg>`;
}

function slabGrid({ slabs, damage, state }: ReportedRun): string {
  const damaged = new Set(damage.map(({ root }) => root));
  const open = new Set(state.open.map(({ root }) => root));
  const classOf = (root: StoredSlab["roots"][number]): string => {
    if (open.has(root)) return "damaged";
    return state.moved.get(root) ?? (damaged.has(root) ? "repaired" : "healthy");
  };
  const columns = Math.max(1, ...slabs.map(({ roots }) => roots.length));
  const cells = slabs.flatMap(({ id, roots }, row) => [
    `<text x="${LEFT - 8}" y="${row * CELL + CELL - 4}" text-anchor="end">${id}</text>`,
    ...roots.map(
      (root, column) =>
        `<rect class="${classOf(root)}" x="${LEFT + column * CELL}" y="${row * CELL}" width="${CELL - 2}" height="${CELL - 2}"><title>slab ${id}, shard ${column}: ${classOf(root)}</title></rect>`,
    ),
  ]);
  return `<svg viewBox="0 0 ${LEFT + columns * CELL} ${slabs.length * CELL}" role="img" aria-label="every shard of every slab">${cells.join("\n")}</svg>`;
}

function hostGrid(fates: readonly HostFate[]): string {
  const perRow = 40;
  const cells = fates.map((fate, host) => {
    const [x, y] = [LEFT + (host % perRow) * CELL, Math.floor(host / perRow) * CELL];
    return `<rect class="${fate}" x="${x}" y="${y}" width="${CELL - 2}" height="${CELL - 2}"><title>host ${host}: ${fate}</title></rect>`;
  });
  const rows = Math.ceil(fates.length / perRow);
  return `<svg viewBox="0 0 ${LEFT + perRow * CELL} ${rows * CELL}" role="img" aria-label="every host">${cells.join("\n")}</svg>`;
}

function legend(names: Readonly<Record<string, string>>): string {
  return Object.entries(names)
    .map(
      ([name, says]) =>
        `<svg viewBox="0 0 12 12"><rect class="${name}" width="12" height="12"/></svg> ${says}`,
    )
    .join(" &nbsp; ");
}

function htmlOf(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --grey: #c5cad1; --green: #1a7f37; --blue: #0969da;
  --red: #cf222e; --yellow: #bf8700; --violet: #8250df; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #15181c; --grey: #4a5058; --green: #3fb950;
  --blue: #58a6ff; --red: #f85149; --yellow: #d29922; --violet: #a371f7; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; overflow: visible; } text { font-size: 11px; fill: var(--ink); }
.legend svg { width: .8em; height: .8em; } pre { overflow-x: auto; font-size: 13px; }
.axis, polyline { fill: none; stroke: var(--grey); } polyline { stroke-width: 2; }
.verdict { font-size: 1.15rem; border-left: .4rem solid; padding: .3rem 1rem; }
.passed { border-color: var(--green); } .partly { border-color: var(--yellow); } .failed { border-color: var(--red); }
rect.healthy { fill: var(--grey); } rect.copied { fill: var(--blue); } rect.rebuilt, rect.fine { fill: var(--green); }
rect.repaired, rect.blocked { fill: var(--yellow); } rect.damaged, rect.dead { fill: var(--red); }
rect.bad-contract { fill: var(--blue); } rect.liar { fill: var(--violet); } rect.draining { fill: var(--yellow); }
polyline.damaged { stroke: var(--red); } polyline.copied { stroke: var(--blue); } polyline.rebuilt { stroke: var(--green); }
text.damaged { fill: var(--red); } text.copied { fill: var(--blue); } text.rebuilt { fill: var(--green); }
`;
