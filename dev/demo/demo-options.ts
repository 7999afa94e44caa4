import { randomBytes } from "node:crypto";
import { Command, CommanderError } from "commander";
import { MAX_SHARDS } from "../../lib/slab/sizes.ts";
import { INDEXD_RELEASES, type IndexdRelease, NEWEST_RELEASE } from "../indexd/indexd-schema.ts";
import { DemoError } from "./demo-error.ts";
import { describeSettings } from "./fleet-settings.ts";

export interface DemoOptions {
  readonly slabs: number;
  readonly hosts: number;
  readonly minShards: number;
  readonly totalShards: number;
  readonly dead: number;
  readonly blocked: number;
  readonly badContracts: number;
  readonly lostSectors: number;
  /** How many slabs lose sectors until they can lose only 1 or 2 more: the slabs that were uploaded last. */
  readonly endangered: number;
  readonly liars: number;
  /** Hosts that deny all sectors for a while, and after that have all of them again. */
  readonly forgetfulHosts: number;
  /** Good hosts to drain. */
  readonly drain: number;
  readonly killWorkers: number;
  /**
   * How many sectors vanish from a host's disk after the repairs, so that a verification finds them; 0: no
   * verification.
   */
  readonly verify: number;
  /** How many times the database server crashes during repairs; it recovers each time. */
  readonly restartDatabase: number;
  /** How many of the fleet's database backends are ended while they work. */
  readonly endBackends: number;
  /** Number of times that all traffic between the fleet and its database is dropped. */
  readonly silentDatabase: number;
  /** How many repairs are made by a worker whose clock is wrong by hours. */
  readonly wrongClocks: number;
  readonly workers: number;
  /**
   * If this is more than 1, dev/indexers/run-indexers-demo.ts runs in place of the usual demo. It uses only these other
   * options: slabs, hosts, shards, workers and seed.
   */
  readonly indexers: number;
  /** The release of indexd whose tables the database has at the start. */
  readonly indexd: IndexdRelease;
  /** Whether indexd is upgraded to the newest release during the run. */
  readonly upgrade: boolean;
  /** Whether the database moves to a second server during the run. */
  readonly move: boolean;
  /** Whether the database is lost after the repairs, and restored from a backup made before the damage. */
  readonly restore: boolean;
  readonly seed: string;
  readonly json: boolean;
  /** The file for a page with pictures of the run. */
  readonly report?: string | undefined;
}

interface Count {
  readonly flag: string;
  readonly fallback: number;
  readonly least: number;
  readonly most: number;
  readonly says: string;
  /** The option's value if the flag is given without a number. */
  readonly alone?: number;
}

const RELEASES = Object.keys(INDEXD_RELEASES) as IndexdRelease[];
const OLDEST_RELEASE = RELEASES[0]!;

/**
 * The options that are numbers. `most` is there to catch typing errors. It is more than a usual machine can take,
 * because all hosts are sockets of one process, and a slab has 120 MB.
 */
const COUNTS: Readonly<
  Record<
    Exclude<keyof DemoOptions, "indexd" | "upgrade" | "move" | "restore" | "seed" | "json" | "report">,
    Count
  >
> = {
  slabs: { flag: "--slabs", fallback: 8, least: 1, most: 1_000, says: "slabs to store" },
  hosts: { flag: "--hosts", fallback: 40, least: 1, most: 500, says: "hosts to start" },
  minShards: { flag: "--min-shards", fallback: 10, least: 1, most: 255, says: "data shards of a slab" },
  totalShards: { flag: "--total-shards", fallback: 30, least: 1, most: MAX_SHARDS, says: "shards of a slab" },
  dead: {
    flag: "--dead",
    fallback: 3,
    least: 0,
    most: 500,
    says: "hosts that go offline; indexd blocks them",
  },
  blocked: {
    flag: "--blocked",
    fallback: 2,
    least: 0,
    most: 500,
    says: "hosts that indexd blocks although they answer",
  },
  badContracts: {
    flag: "--bad-contracts",
    fallback: 2,
    least: 0,
    most: 500,
    says: "good hosts whose contract goes bad",
  },
  lostSectors: {
    flag: "--lost-sectors",
    fallback: 8,
    least: 0,
    most: 100_000,
    says: "sectors that hosts lose; indexd has noticed every other one",
  },
  endangered: {
    flag: "--endangered",
    fallback: 2,
    least: 0,
    most: 1_000,
    says: "slabs, the last ones uploaded, that lose sectors until they can lose only 1 or 2 more",
  },
  liars: {
    flag: "--liars",
    fallback: 2,
    least: 0,
    most: 500,
    says: "hosts that look good and answer reads wrongly",
  },
  forgetfulHosts: {
    flag: "--forgetful-hosts",
    fallback: 0,
    least: 0,
    most: 500,
    says: "hosts that look good and deny all their sectors for the first 20 s of repairs",
    alone: 2,
  },
  drain: {
    flag: "--drain",
    fallback: 0,
    least: 0,
    most: 500,
    says: "good hosts to drain while others fail",
    alone: 1,
  },
  verify: {
    flag: "--verify",
    fallback: 0,
    least: 0,
    most: 1_000,
    says: "sectors that vanish from a host after the repairs, for a maintenance run to find",
    alone: 2,
  },
  killWorkers: {
    flag: "--kill-workers",
    fallback: 3,
    least: 0,
    most: 1_000,
    says: "workers to kill (SIGKILL) during a repair",
  },
  restartDatabase: {
    flag: "--restart-database",
    fallback: 0,
    least: 0,
    most: 100,
    says: "times that the database crashes during a repair and recovers",
    alone: 1,
  },
  endBackends: {
    flag: "--end-backends",
    fallback: 0,
    least: 0,
    most: 10_000,
    says: "database backends of the fleet to end while they work",
    alone: 10,
  },
  silentDatabase: {
    flag: "--silent-database",
    fallback: 0,
    least: 0,
    most: 100,
    says: "times that all traffic between the fleet and its database is dropped for 8 s",
    alone: 1,
  },
  wrongClocks: {
    flag: "--wrong-clocks",
    fallback: 0,
    least: 0,
    most: 100,
    says: "workers with a clock that is wrong by hours, each for one repair",
    alone: 2,
  },
  workers: { flag: "--workers", fallback: 2, least: 1, most: 32, says: "simultaneous repairs" },
  indexers: {
    flag: "--indexers",
    fallback: 1,
    least: 1,
    most: 5,
    says: "indexers; several share one slabmend serve, with fewer hosts each: one is suspended and resumed, one deleted, one loses its database for a while",
  },
};

/**
 * Reads the command line. For `--help`, prints the help on standard output.
 * @returns undefined when help was asked for
 * @throws {DemoError} `usage` with every wrong value at once
 */
export function parseDemoOptions(arguments_: readonly string[]): DemoOptions | undefined {
  const program = new Command("npm run demo --")
    .description("Stores real slabs on local hosts, takes hosts away, and lets slabmend repair.")
    .exitOverride()
    // `usage` reports errors, so commander prints none.
    .configureOutput({ writeErr: () => {} })
    .allowExcessArguments(false);
  for (const { flag, fallback, says, alone } of Object.values(COUNTS)) {
    const text = alone === undefined ? says : `${says}; ${alone} without a number`;
    program.option(`${flag} ${alone === undefined ? "<n>" : "[n]"}`, text, String(fallback));
  }
  program.option(
    "--indexd <release>",
    `release of indexd's database: ${Object.keys(INDEXD_RELEASES).join(", ")} (default: ${NEWEST_RELEASE}; with --upgrade ${OLDEST_RELEASE})`,
  );
  program.option("--upgrade", `upgrade indexd's database to ${NEWEST_RELEASE} while workers repair`);
  program.option("--move", "move the database to a second server while workers repair; needs pg_dump 18");
  program.option(
    "--restore",
    "lose the database after the repairs, and restore it from a backup made before the damage",
  );
  program.option("--seed <text>", "seed of data and damage (default: a random one, printed)");
  program.option("--report <file>", "write a page (HTML) with pictures of the run");
  program.option("--json", "print one line of JSON last; everything else goes to standard error");
  const shortened = describeSettings().map((line) => `  ${line}`);
  program.addHelpText("after", ["", "Times in the demo (and in production):", ...shortened].join("\n"));
  try {
    program.parse(arguments_, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return undefined;
    throw usage([error.message.replace(/^error: /, "")]);
  }
  const given = program.opts<Record<string, string | boolean | undefined>>();
  const problems: string[] = [];
  const counts = Object.fromEntries(
    Object.entries(COUNTS).map(([name, { flag, least, most, alone }]) => {
      const text = String(given[name] === true ? alone : given[name]);
      const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= least && value <= most)) {
        problems.push(
          `${flag}: expected a whole number from ${least} to ${most}, got ${JSON.stringify(text)}`,
        );
      }
      return [name, value];
    }),
  ) as Omit<DemoOptions, "indexd" | "upgrade" | "move" | "restore" | "seed" | "json" | "report">;
  const upgrade = given["upgrade"] === true;
  const move = given["move"] === true;
  const restore = given["restore"] === true;
  if (move && upgrade)
    problems.push("--move: expected it without --upgrade, because an upgrade during a move ends the move");
  if (move && restore) problems.push("--move: expected it without --restore, which works with one server");
  const named = given["indexd"] ?? (upgrade ? OLDEST_RELEASE : NEWEST_RELEASE);
  const indexd = RELEASES.find((release) => release === named);
  if (indexd === undefined) {
    problems.push(`--indexd: expected ${RELEASES.join(" or ")}, got ${JSON.stringify(named)}`);
  } else if (upgrade && indexd === NEWEST_RELEASE) {
    problems.push(`--upgrade: expected an older release than ${NEWEST_RELEASE} to start from, got ${indexd}`);
  }
  if (indexd === undefined || problems.length > 0) throw usage(problems);
  const seed = textOf(given["seed"]) ?? randomBytes(4).toString("hex");
  // If the default is more than the number of slabs, it is lowered to that number.
  const byDefault = program.getOptionValueSource("endangered") === "default";
  const endangered = byDefault ? Math.min(counts.endangered, counts.slabs) : counts.endangered;
  return {
    ...counts,
    ...(counts.indexers > 1 ? smallerDefaults(program) : {}),
    endangered,
    indexd,
    upgrade,
    move,
    restore,
    seed,
    json: given["json"] === true,
    report: textOf(given["report"]),
  };
}

/** Lower defaults for several indexers, because each indexer has its own hosts and database server. */
const OF_SEVERAL = { slabs: 6, hosts: 20, minShards: 4, totalShards: 12, workers: 4 } as const;

/** Defaults with several indexers. */
function smallerDefaults(program: Command): Partial<typeof OF_SEVERAL> {
  return Object.fromEntries(
    Object.entries(OF_SEVERAL).filter(([name]) => program.getOptionValueSource(name) === "default"),
  );
}

function textOf(given: string | boolean | undefined): string | undefined {
  return typeof given === "string" ? given : undefined;
}

function usage(problems: readonly string[]): DemoError {
  return new DemoError({
    code: "usage",
    message: problems.join("\n"),
    remedy: "npm run demo -- --help lists the options.",
  });
}
