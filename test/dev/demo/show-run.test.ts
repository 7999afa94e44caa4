import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { drawRun } from "../../../dev/demo/draw-run.ts";
import type { HostFate } from "../../../dev/demo/plan-losses.ts";
import { renderReport } from "../../../dev/demo/report-page.ts";
import { type Judged, judgeRun } from "../../../dev/demo/verdict.ts";
import { parseRoot, parseSlabId, type Root } from "../../../lib/slab/ids.ts";

const root = (slab: number, shard: number): Root =>
  parseRoot(Buffer.from([slab, shard]).toString("hex").padStart(64, "0"));
const slabsOf = (count: number, shards: number) =>
  Array.from({ length: count }, (_, slab) => ({
    id: parseSlabId(String(slab + 1)),
    roots: Array.from({ length: shards }, (_, shard) => root(slab, shard)),
  }));
const traffic = { bytesRead: 1_234_567_890, bytesWritten: 98_765_432 };

describe("the picture of a run on a terminal", () => {
  const slabs = slabsOf(2, 6);
  const damage = [0, 1, 2].map((shard) => ({ slabId: slabs[0]!.id, root: root(0, shard) }));
  const open = [{ slabId: slabs[0]!.id, root: root(0, 2) }];
  const state = {
    open,
    openSlabs: 1,
    moved: new Map([
      [root(0, 0), "copied"],
      [root(0, 1), "rebuilt"],
    ] as const),
  };
  const fates: HostFate[] = ["fine", "dead", "blocked", "bad-contract", "liar", "fine"];

  it("the picture shows the repairs, each shard and each host", () => {
    expect(drawRun({ slabs, damage, fates, state, traffic, seconds: 10, colours: false })).toEqual([
      "repaired 2 of 3 sectors, 0 of 1 slabs [################........]",
      "copied 1, rebuilt 1; read 1.2 GB, written 99 MB, 133 MB/s",
      "slab   1  ##-===",
      "slab   2  ======",
      "          = healthy  # repaired  - damaged",
      "hosts     oxbc~o",
      "          o good  x dead  b blocked  c bad contract  ~ lies",
    ]);
  });

  it("the picture with colours has the same text", () => {
    const options = { slabs, damage, fates, state, traffic, seconds: 10 };
    const colourless = drawRun({ ...options, colours: true }).map((line) => stripVTControlCharacters(line));
    expect(colourless).toEqual(drawRun({ ...options, colours: false }));
  });

  it("the picture of 200 slabs of 255 shards on 500 hosts fits 80 columns and 24 lines", () => {
    const many = slabsOf(200, 255);
    const all = many.flatMap(({ id, roots }) => roots.map((one) => ({ slabId: id, root: one })));
    const hosts = Array.from({ length: 500 }, (): HostFate => "bad-contract");
    const lines = drawRun({
      slabs: many,
      damage: all,
      fates: hosts,
      state: { open: all, openSlabs: 200, moved: new Map() },
      traffic,
      seconds: 1_000,
      colours: false,
    });
    expect(lines.length).toBeLessThan(24);
    for (const line of lines) expect(line.length).toBeLessThan(80);
  });
});

describe("the sentence with which the demo ends", () => {
  const run: Judged = {
    damagedSectors: 76,
    repairedSectors: 76,
    objects: 6,
    killedWorkers: 3,
    hosts: 40,
    totalShards: 30,
    leftovers: { withoutDestination: 0, withDestination: 0, goodHosts: 33 },
    failures: [],
  };
  it.each<[Partial<Judged>, string, string]>([
    [
      {},
      "passed",
      "PASSED: all 76 damaged sectors repaired, 6 objects read back as stored, though 3 workers died.",
    ],
    [
      { damagedSectors: 1, repairedSectors: 1, objects: 1, killedWorkers: 0 },
      "passed",
      "PASSED: all 1 damaged sector repaired, 1 object read back as stored.",
    ],
    [
      {
        repairedSectors: 62,
        killedWorkers: 0,
        leftovers: { withoutDestination: 14, withDestination: 0, goodHosts: 23 },
      },
      "partly",
      "PARTLY: 14 sectors have nowhere to go: 23 of 40 hosts may take sectors, and each of them has one of those slabs of 30 shards already; 62 of 76 repaired, 6 objects read back as stored.",
    ],
    [
      { repairedSectors: 70, failures: ["object 2 was not read back: x", "y"] },
      "failed",
      "FAILED: 70 of 76 damaged sectors repaired; object 2 was not read back: x, and 1 more problem.",
    ],
  ])("of %j is %s", (change, kind, sentence) => {
    expect(judgeRun({ ...run, ...change })).toEqual({ kind, sentence });
  });
});

describe("the page of --report", () => {
  const slabs = slabsOf(2, 4);
  const page = renderReport({
    verdict: { kind: "partly", sentence: "PARTLY: 1 sector <nowhere> & so on." },
    failures: [],
    seed: '"quoted" <b>',
    samples: [
      { seconds: 0, open: 3, copied: 0, rebuilt: 0, bytesRead: 0, bytesWritten: 0 },
      { seconds: 9.5, open: 1, copied: 1, rebuilt: 1, bytesRead: 4e6, bytesWritten: 8e6 },
    ],
    slabs,
    damage: [0, 1, 2].map((shard) => ({ root: root(0, shard) })),
    state: {
      open: [{ slabId: slabs[0]!.id, root: root(0, 2) }],
      moved: new Map([
        [root(0, 0), "copied"],
        [root(0, 1), "rebuilt"],
      ]),
    },
    fates: ["fine", "dead", "liar"],
    table: ["all  3"],
    settings: ["lease 6 s (2 min)"],
  });

  it("the report page has a cell for every shard in its final state, and for every host", () => {
    const count = (text: string) => page.split(text).length - 1;
    expect(count(": healthy</title>")).toBe(5);
    expect(count(": copied</title>")).toBe(1);
    expect(count(": rebuilt</title>")).toBe(1);
    expect(count(": damaged</title>")).toBe(1);
    expect(count("<title>host ")).toBe(3);
    expect(count("<polyline")).toBe(5);
  });

  it("the report page is self-contained and escapes its input", () => {
    expect(page).not.toMatch(/https?:|src=|href=|url\(|@import|<script/);
    expect(page).toContain("PARTLY: 1 sector &lt;nowhere&gt; &amp; so on.");
    expect(page).toContain("<title>slabmend demo &quot;quoted&quot; &lt;b&gt;</title>");
  });
});
