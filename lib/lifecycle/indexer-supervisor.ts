/**
 * The indexers of one `serve`: follows the configuration, and distributes repairs among them.
 *
 *   every 5 s: read the folder -> new file: start its loop; deleted file: end its loop after the running repairs;
 *   changed file: end its loop in the same way, then start it again
 *
 * What always holds: one loop per name. If an indexer's file cannot be read, the indexer's loop continues unchanged,
 * and the error is reported.
 */
import type { Clock } from "../clock/clock.ts";
import { ConfigurationError, type ConfigurationProblem } from "../config/configuration-error.ts";
import type { ConfiguredIndexer } from "../config/indexer-files.ts";
import type { Logger } from "../telemetry/logger.ts";
import { troubleOf } from "../worker/trouble.ts";
import { addReport, createWorkReport, type WorkReport } from "../worker/work-report.ts";
import { allotRepairs } from "./allot-repairs.ts";
import { NOTHING_KNOWN } from "./control-loop.ts";
import type { IndexerControl, IndexerView } from "./indexer-control.ts";

type Control = Pick<IndexerControl, "start" | "stop" | "resize" | "demand" | "view">;

export interface IndexerSupervisorOptions {
  /** Does not throw for a mistake in a single file. */
  readonly readConfiguration: () => {
    readonly indexers: readonly ConfiguredIndexer[];
    readonly problems: readonly ConfigurationProblem[];
  };
  /** @throws {ConfigurationError} */
  readonly createControl: (indexer: ConfiguredIndexer) => Control;
  /** Called when an indexer was added, changed or removed. */
  readonly onChange: (indexers: readonly ConfiguredIndexer[]) => void;
  /** The most repairs at the same time on this machine. */
  readonly total: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LOOK_EVERY_MS = 5_000;
const ALLOT_EVERY_MS = 2_000;

interface Entry {
  readonly configured: ConfiguredIndexer;
  /** The configuration from which `control` was created, as text, to compare it with the present file. */
  readonly text: string;
  /** An error: the indexer's configuration is wrong, and the indexer waits for a corrected file. */
  readonly control: Control | Error;
}

export class IndexerSupervisor {
  readonly #options: IndexerSupervisorOptions;
  readonly #entries = new Map<string, Entry>();
  /** Controls that wait for their last repairs, by name. A name is free again when its control has ended. */
  readonly #ending = new Map<string, { readonly control: Control; readonly ended: Promise<void> }>();
  readonly #done = createWorkReport();
  #problems = "";
  #isStopping = false;
  #cancels: (() => void)[] = [];

  constructor(options: IndexerSupervisorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#repeat(LOOK_EVERY_MS, () => this.#look());
    this.#repeat(ALLOT_EVERY_MS, () => this.#allot());
  }

  /** Sorted by name. */
  views(): readonly IndexerView[] {
    const entries = [
      ...[...this.#entries].map(([name, { control }]) => ({ name, control })),
      // An indexer that is ending stays listed until its running repairs have ended.
      ...[...this.#ending].map(([name, { control }]) => ({ name, control })),
    ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return entries.map(({ name, control }) => {
      if (!(control instanceof Error)) return control.view();
      const trouble = troubleOf(control, this.#options.clock.now());
      const lifecycle = { ...NOTHING_KNOWN, state: "repairing", trouble, isMoving: false } as const;
      return { name, lifecycle, loop: null, units: [] };
    });
  }

  async drain(): Promise<WorkReport> {
    this.#isStopping = true;
    for (const cancel of this.#cancels) cancel();
    for (const name of [...this.#entries.keys()]) this.#end(name, false);
    await Promise.all([...this.#ending.values()].map(({ ended }) => ended));
    return this.#done;
  }

  #repeat(everyMs: number, run: () => void): void {
    const place = this.#cancels.push(() => {}) - 1;
    const again = (): void => {
      run();
      if (!this.#isStopping) this.#cancels[place] = this.#options.clock.after(everyMs, again);
    };
    again();
  }

  #look(): void {
    const { readConfiguration, logger, onChange } = this.#options;
    let read: ReturnType<IndexerSupervisorOptions["readConfiguration"]>;
    try {
      read = readConfiguration();
    } catch (error) {
      this.#sayOnce(String(error), () =>
        logger.error({ error }, "the configuration could not be read; running indexers continue"),
      );
      return;
    }
    const { indexers, problems } = read;
    this.#sayOnce(JSON.stringify(problems), () => {
      if (problems.length > 0)
        logger.error({ problems }, "the configuration has problems; running indexers continue");
    });
    let hasChanged = false;
    const names = new Set(indexers.map(({ name }) => name));
    for (const [name, { text }] of this.#entries) {
      const now = indexers.find((one) => one.name === name);
      // An indexer is missing from `indexers` if its file was deleted, or if its file has a problem. While there are
      // problems, these two cases cannot be told apart, so no missing indexer is ended.
      if (now === undefined && problems.length > 0) continue;
      if (names.has(name) && textOf(now!) === text) continue;
      logger.info(
        { name },
        names.has(name) ? "its configuration has changed" : "the indexer is no longer configured",
      );
      this.#end(name, true);
      hasChanged = true;
    }
    for (const indexer of indexers) {
      if (this.#entries.has(indexer.name) || this.#ending.has(indexer.name)) continue;
      this.#begin(indexer);
      hasChanged = true;
    }
    if (hasChanged) onChange([...this.#entries.values()].map(({ configured }) => configured));
  }

  #begin(configured: ConfiguredIndexer): void {
    const { createControl, logger } = this.#options;
    const { name } = configured;
    let control: Control | Error;
    try {
      control = createControl(configured);
      control.start();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      control = error;
      logger.error({ name, error }, "the indexer is configured wrongly; the others continue");
    }
    this.#entries.set(name, { configured, text: textOf(configured), control });
  }

  #end(name: string, looksAgain: boolean): void {
    const { control } = this.#entries.get(name)!;
    this.#entries.delete(name);
    if (control instanceof Error) return;
    const ended = control.stop().then((report) => {
      addReport(this.#done, report);
      this.#ending.delete(name);
      if (looksAgain && !this.#isStopping) this.#look();
    });
    this.#ending.set(name, { control, ended });
  }

  #allot(): void {
    const controls = [...this.#entries.entries()].flatMap(([name, { control }]) =>
      control instanceof Error ? [] : [[name, control] as const],
    );
    if (controls.length < 2) return;
    const allotted = allotRepairs(
      this.#options.total,
      controls.map(([, control]) => control.demand),
    );
    for (const [name, control] of controls) control.resize(allotted.get(name)!);
  }

  #sayOnce(text: string, say: () => void): void {
    if (this.#problems === text) return;
    this.#problems = text;
    say();
  }
}

function textOf({ environment }: ConfiguredIndexer): string {
  return JSON.stringify(Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
