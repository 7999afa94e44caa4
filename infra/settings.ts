/**
 * The operator's settings for a stage, read once from the environment of `sst deploy`, into which SST loads .env and
 * .env.STAGE. Secrets are in infra/secrets.ts.
 */
import * as v from "valibot";
import { type ArchiveDestination, readArchiveDestination } from "../lib/config/archive-destination.ts";
import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { DEFAULT_INDEXER, INDEXER_NAME, INDEXER_NAME_EXPECTED } from "../lib/config/indexer-name.ts";
import { DEFAULT_REPAIR_CONCURRENCY, MAX_REPAIR_CONCURRENCY } from "../lib/config/repair-concurrency.ts";

interface Setting<Value> {
  readonly schema: v.GenericSchema<string, Value>;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  readonly purpose: string;
  /** The value if the setting is missing or empty; a setting without a fallback is required. */
  readonly fallback?: string;
}

const wholeNumber = (least: number, most: number) =>
  v.pipe(v.string(), v.regex(/^[0-9]+$/), v.transform(Number), v.minValue(least), v.maxValue(most));

const idList = (prefix: string) =>
  v.pipe(
    v.string(),
    v.transform((text) => (text === "" ? [] : text.split(",").map((id) => id.trim()))),
    v.array(v.pipe(v.string(), v.regex(new RegExp(`^${prefix}-[0-9a-f]+$`)))),
  );

/** Where a stage can archive the journal; a directory is not possible. */
type StageArchive =
  | Extract<ArchiveDestination, { kind: "bucket" }>
  | { readonly kind: "none" }
  | { readonly kind: "new" };

const archive = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): StageArchive => {
    const text = dataset.value as string;
    if (text === "none" || text === "new") return { kind: text };
    const destination = readArchiveDestination(text);
    if (destination?.kind === "bucket") return destination;
    addIssue({ message: "no bucket" });
    return NEVER;
  }),
);

const SETTINGS = {
  SLABMEND_INDEXER: {
    schema: v.pipe(v.string(), v.regex(INDEXER_NAME)),
    expected: INDEXER_NAME_EXPECTED,
    purpose:
      "name of the indexer, used in the names of queues, functions, secrets, log groups, alarms and metrics. A deployment with a different name creates a new set of all these",
    fallback: DEFAULT_INDEXER,
  } as Setting<string>,
  SLABMEND_INDEXERS: {
    schema: v.string(),
    expected: "a folder with a file NAME.env for each indexer",
    purpose:
      "several indexers in one stage: a folder with a file NAME.env for each. NAME is the indexer's name, and the file's variables override those of the stage",
    fallback: "",
  } as Setting<string>,
  SLABMEND_ALARM_EMAIL: {
    schema: v.pipe(v.string(), v.email()),
    expected: "an e-mail address",
    purpose: "address for alarms and the budget's warnings; AWS sends it a link that must be opened once",
  } as Setting<string>,
  SLABMEND_MONTHLY_BUDGET_USD: {
    schema: wholeNumber(1, 10_000_000),
    expected: "whole dollars from 1 to 10000000",
    purpose: "monthly AWS bill at which a warning is sent; nothing is stopped",
    fallback: "200",
  } as Setting<number>,
  SLABMEND_BUDGET_SCOPE: {
    schema: v.picklist(["account", "app"]),
    expected: "account or app",
    purpose:
      "the bill to watch: that of the whole account, or of the resources that SST tagged with this app (then the tag sst:app must be activated for cost allocation)",
    fallback: "account",
  } as Setting<"account" | "app">,
  SLABMEND_REPAIR_CONCURRENCY: {
    schema: wholeNumber(2, MAX_REPAIR_CONCURRENCY),
    expected: `a whole number from 2 to ${MAX_REPAIR_CONCURRENCY}`,
    purpose:
      "maximum number of simultaneous repairs; each may hold one database connection while it begins and commits. The default fits PostgreSQL's default of 100 connections; AWS's minimum is 2",
    fallback: String(DEFAULT_REPAIR_CONCURRENCY),
  } as Setting<number>,
  SLABMEND_ARCHIVE: {
    schema: archive,
    expected: "none, new or s3://BUCKET/PREFIX",
    purpose:
      "where the journal is archived, for a restore of the database (docs/journal.md): nowhere, in a new bucket, or in an existing bucket of this region",
    fallback: "none",
  } as Setting<StageArchive>,
  SLABMEND_VERIFY: {
    schema: v.picklist(["none", "due"]),
    expected: "none or due",
    purpose:
      "due: the functions make indexd's due integrity checks, from a separate queue (docs/maintenance.md); none: indexd makes them",
    fallback: "none",
  } as Setting<"none" | "due">,
  SLABMEND_ARCHITECTURE: {
    schema: v.picklist(["arm64", "x86_64"]),
    expected: "arm64 or x86_64",
    purpose: "CPU architecture of the functions; arm64 is a fifth cheaper than x86_64",
    fallback: "arm64",
  } as Setting<"arm64" | "x86_64">,
  SLABMEND_VPC: {
    schema: v.picklist(["none", "new", "existing"]),
    expected: "none, new or existing",
    purpose:
      "the network of the functions: AWS's own, a new VPC with two NAT instances, or the subnets of SLABMEND_VPC_SUBNETS",
    fallback: "none",
  } as Setting<"none" | "new" | "existing">,
  SLABMEND_VPC_SUBNETS: {
    schema: idList("subnet"),
    expected: "subnet ids, separated by commas",
    purpose: "with SLABMEND_VPC=existing: private subnets whose route to the internet is a NAT",
    fallback: "",
  } as Setting<string[]>,
  SLABMEND_VPC_SECURITY_GROUPS: {
    schema: idList("sg"),
    expected: "security group ids, separated by commas",
    purpose: "with SLABMEND_VPC=existing: security groups that may reach the database and the internet",
    fallback: "",
  } as Setting<string[]>,
} as const;

type SettingName = keyof typeof SETTINGS;

/** Settings that each indexer may override. */
const OF_INDEXER: ReadonlySet<string> = new Set<SettingName>([
  "SLABMEND_INDEXER",
  "SLABMEND_INDEXERS",
  "SLABMEND_REPAIR_CONCURRENCY",
  "SLABMEND_ARCHIVE",
  "SLABMEND_VERIFY",
]);

/** Whether a setting concerns resources that all indexers of a stage share. */
export function isOfStage(name: string): boolean {
  return name in SETTINGS && !OF_INDEXER.has(name);
}

export type StageSettings = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer Value> ? Value : never;
};

/** The settings, valid only if there are no problems. */
export function readStageSettings(environment: Readonly<Record<string, string | undefined>>): {
  readonly settings: StageSettings;
  readonly problems: readonly ConfigurationProblem[];
} {
  const problems: ConfigurationProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
    const text = environment[name] || setting.fallback;
    const parsed = text === undefined ? undefined : v.safeParse(setting.schema, text);
    if (parsed?.success) values[name] = parsed.output;
    else
      problems.push({
        name,
        expected: setting.expected,
        got: text === undefined ? "nothing" : JSON.stringify(text),
      });
  }
  problems.push(...networkProblems(values));
  return { settings: values as StageSettings, problems };
}

/** Rules between settings. */
function networkProblems(settings: Partial<StageSettings>): ConfigurationProblem[] {
  const vpc = settings.SLABMEND_VPC;
  if (vpc === undefined) return [];
  return (["SLABMEND_VPC_SUBNETS", "SLABMEND_VPC_SECURITY_GROUPS"] as const).flatMap((name) => {
    const ids = settings[name];
    if (ids === undefined || (vpc === "existing") === ids.length > 0) return [];
    const expected = vpc === "existing" ? SETTINGS[name].expected : `nothing with SLABMEND_VPC=${vpc}`;
    return [{ name, expected, got: JSON.stringify(ids.join(",")) }];
  });
}

/** The table of settings in docs/deployment.md; a test compares this text with the document. */
export function describeSettings(): string {
  return [
    "| variable | purpose | expected | default |",
    "|---|---|---|---|",
    ...(Object.entries(SETTINGS) as [string, Setting<unknown>][]).map(
      ([name, { purpose, expected, fallback }]) =>
        `| \`${name}\` | ${purpose} | ${expected} | ${fallback === undefined ? "required" : fallback === "" ? "empty" : `\`${fallback}\``} |`,
    ),
  ].join("\n");
}
