/** The indexers of a `serve` while their files are added, changed and removed. */
import { beforeEach, expect, test } from "vitest";
import { ConfigurationError, type ConfigurationProblem } from "../../lib/config/configuration-error.ts";
import type { ConfiguredIndexer } from "../../lib/config/indexer-files.ts";
import { NOTHING_KNOWN } from "../../lib/lifecycle/control-loop.ts";
import { IndexerSupervisor } from "../../lib/lifecycle/indexer-supervisor.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { createWorkReport } from "../../lib/worker/work-report.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";

const LOOK_MS = 5_000;

/** The actions in order: "start a 1", "stop a 1". The number is the value of the indexer's variable V. */
let events: string[];
let configuration: { indexers: ConfiguredIndexer[]; problems: ConfigurationProblem[] };
/** The promises that `stop` waits for, by the indexer's name and value. An indexer without a promise stops at once. */
let draining: Map<string, PromiseWithResolvers<void>>;
let clock: FakeClock;
let told: string[][];
const sizes = new Map<string, number>();

const indexer = (name: string, value = "1"): ConfiguredIndexer => ({ name, environment: { V: value } });
const names = (supervisor: IndexerSupervisor) => supervisor.views().map(({ name }) => name);

function create(): IndexerSupervisor {
  const supervisor = new IndexerSupervisor({
    readConfiguration: () => configuration,
    createControl({ name, environment: { V: value } }) {
      if (value === "bad") throw new ConfigurationError([{ name: "V", expected: "another", got: "bad" }]);
      const id = `${name} ${value}`;
      return {
        start: () => void events.push(`start ${id}`),
        async stop() {
          events.push(`stop ${id}`);
          await draining.get(id)?.promise;
          return { ...createWorkReport(), crashed: 1 };
        },
        resize: (repairs) => void sizes.set(name, repairs),
        demand: { name, share: 1, running: 0, ready: name === "b" ? 9 : 0, urgency: 0 },
        view: () => ({ name, lifecycle: NOTHING_KNOWN, loop: null, units: [] }),
      };
    },
    onChange: (indexers) => void told.push(indexers.map(({ name }) => name)),
    total: 4,
    clock,
    logger: createLogger("silent", {}),
  });
  supervisor.start();
  return supervisor;
}

beforeEach(() => {
  events = [];
  told = [];
  draining = new Map();
  clock = createFakeClock();
  configuration = { indexers: [indexer("a"), indexer("b")], problems: [] };
});

test("an added file starts its indexer, a removed file ends its indexer, and other indexers are not affected", async () => {
  const supervisor = create();
  expect(events).toEqual(["start a 1", "start b 1"]);
  configuration.indexers = [indexer("b"), indexer("c")];
  await clock.advance(LOOK_MS);
  expect(events.slice(2)).toEqual(["stop a 1", "start c 1"]);
  expect([names(supervisor), told]).toEqual([
    ["b", "c"],
    [
      ["a", "b"],
      ["b", "c"],
    ],
  ]);
  expect(await supervisor.drain()).toMatchObject({ crashed: 3 });
  expect(clock.pending).toBe(0);
});

test("an indexer whose file changed ends before it starts again, so that no two loops have the same name", async () => {
  const supervisor = create();
  draining.set("a 1", Promise.withResolvers());
  configuration.indexers = [indexer("a", "2"), indexer("b")];
  await clock.advance(3 * LOOK_MS);
  expect(events.slice(2)).toEqual(["stop a 1"]);
  draining.get("a 1")!.resolve();
  await clock.advance(0);
  expect(events.slice(2)).toEqual(["stop a 1", "start a 2"]);
  await supervisor.drain();
});

test("an unreadable file does not affect the running loop; an invalid file stops it until the file is corrected", async () => {
  const supervisor = create();
  configuration = {
    indexers: [indexer("b")],
    problems: [{ name: "a.env", expected: "a file", got: "EACCES" }],
  };
  await clock.advance(LOOK_MS);
  expect(events).toEqual(["start a 1", "start b 1"]);
  configuration = { indexers: [indexer("a", "bad"), indexer("b")], problems: [] };
  await clock.advance(LOOK_MS);
  expect(events.slice(2)).toEqual(["stop a 1"]);
  expect(supervisor.views()[0]).toMatchObject({
    name: "a",
    lifecycle: { state: "repairing", trouble: { code: "configuration" } },
  });
  configuration.indexers = [indexer("a", "3"), indexer("b")];
  await clock.advance(LOOK_MS);
  expect(events.slice(3)).toEqual(["start a 3"]);
  await supervisor.drain();
});

test("indexers share the limit of simultaneous repairs, and each may use what the others leave unused", async () => {
  const supervisor = create();
  await clock.advance(2_000);
  expect(Object.fromEntries(sizes)).toEqual({ a: 1, b: 4 });
  await supervisor.drain();
});
