/** The reports behind the console's lists and charts, as commands print them with --json. */
import * as v from "valibot";
import { findSlab, noSuchSlab } from "../../cli/command/find-slab.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { hex, id, time } from "../../reports/fields.ts";
import { MOST_REPAIRS, readHistoryReport } from "../../reports/history.ts";
import { historySchema } from "../../reports/history-schema.ts";
import { readHostsReport } from "../../reports/hosts.ts";
import { hostsSchema } from "../../reports/hosts-schema.ts";
import { readLossesReport } from "../../reports/losses.ts";
import { readSlabReport } from "../../reports/slab.ts";
import { MOST_SLABS, readSlabsReport } from "../../reports/slabs.ts";
import { slabSchema, slabsSchema } from "../../reports/slabs-schema.ts";
import { readDeadLettersReport, readQuarantineReport } from "../../reports/standing.ts";
import { deadLettersSchema, lossesSchema, quarantineSchema } from "../../reports/standing-schema.ts";
import { readThroughputReport } from "../../reports/throughput.ts";
import { throughputSchema } from "../../reports/throughput-schema.ts";
import { parseHostKey, parseSlabId, type SlabId } from "../../slab/ids.ts";
import { DEFAULT_WORKER_SETTINGS } from "../../worker/worker-settings.ts";
import { apiRoute, whole } from "./api-route.ts";

const slab = v.pipe(v.string(), v.regex(/^([1-9][0-9]{0,18}|[0-9a-f]{64})$/), v.description("id or digest"));

const cursor = v.optional(v.pipe(v.string(), v.maxLength(200), v.description("`next` of the previous page")));

const slabs = apiRoute({
  method: "GET",
  path: "/slabs",
  name: "slabs",
  says: "Unhealthy slabs, most likely to be lost first.",
  query: v.strictObject({
    atRisk: v.optional(v.pipe(v.picklist(["true", "false"]), v.description("true: only slabs in danger"))),
    margin: v.optional(whole(-256, 255)),
    cause: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^[a-z-]{1,40}$/),
        v.description(
          "only slabs with a bad sector of this cause: lost, denied, bad-contract, bad-host or draining",
        ),
      ),
    ),
    limit: v.optional(whole(1, MOST_SLABS)),
    cursor,
  }),
  answer: slabsSchema,
  run: ({ ask }, { query }) => readSlabsReport(ask, { ...query, atRisk: query.atRisk === "true" }),
});

const oneSlab = apiRoute({
  method: "GET",
  path: "/slabs/{slab}",
  name: "slab",
  says: "One slab, shard by shard.",
  params: v.strictObject({ slab }),
  answer: slabSchema,
  problems: [404],
  async run({ ask }, { params }) {
    const report = await ask(
      (sql) =>
        sql.begin("isolation level repeatable read read only", async (tx) =>
          readSlabReport(tx, await findSlab(tx, params.slab)),
        ),
      { isIdempotent: true },
    );
    if (report === undefined) throw noSuchSlab(params.slab);
    return report;
  },
});

const slabHistory = apiRoute({
  method: "GET",
  path: "/slabs/{slab}/history",
  name: "slab-history",
  says: "Finished repairs of one slab, latest first.",
  params: v.strictObject({ slab: id }),
  query: v.strictObject({ limit: v.optional(whole(1, MOST_REPAIRS)), cursor }),
  answer: historySchema,
  run: ({ ask }, { params, query }) => readHistoryReport(ask, { ...query, slabId: parseSlabId(params.slab) }),
});

const journal = apiRoute({
  method: "GET",
  path: "/journal",
  name: "history",
  says: "Finished repairs, latest first.",
  query: v.strictObject({
    slab: v.optional(slab),
    host: v.optional(
      v.pipe(
        hex,
        v.description(
          "host key: only repairs that moved a sector from or to this host, or found a sector lost there",
        ),
      ),
    ),
    outcome: v.optional(v.pipe(v.string(), v.regex(/^[a-z-]{1,40}$/))),
    since: v.optional(time),
    limit: v.optional(whole(1, MOST_REPAIRS)),
    cursor,
  }),
  answer: historySchema,
  problems: [404],
  async run({ ask }, { query }) {
    const { slab: wanted, host, since, ...rest } = query;
    const slabId = wanted === undefined ? undefined : await slabIdOf(ask, wanted);
    return await readHistoryReport(ask, {
      ...rest,
      slabId,
      host: host === undefined ? undefined : parseHostKey(host),
      since: since === undefined ? undefined : new Date(since),
    });
  },
});

/**
 * The slab's id, given as an id or a digest. Only a digest is looked up in the database; an id is used as it is,
 * because the journal keeps the repairs of deleted slabs.
 */
async function slabIdOf(ask: Ask, text: string): Promise<SlabId> {
  if (text.length < 64) return parseSlabId(text);
  return (await ask((sql) => findSlab(sql, text), { isIdempotent: true })).id;
}

const hosts = apiRoute({
  method: "GET",
  path: "/hosts",
  name: "hosts",
  says: "All hosts of indexd: whether each may take sectors, and how it performs.",
  answer: hostsSchema,
  run: ({ ask }) => readHostsReport(ask, DEFAULT_WORKER_SETTINGS),
});

const throughput = apiRoute({
  method: "GET",
  path: "/throughput",
  name: "throughput",
  says: "Repairs over time.",
  query: v.strictObject({
    hours: v.optional(whole(1, 168)),
    bucketSeconds: v.optional(whole(60, 86_400)),
  }),
  answer: throughputSchema,
  run: ({ ask }, { query }) => readThroughputReport(ask, query),
});

const deadLetters = apiRoute({
  method: "GET",
  path: "/dead-letters",
  name: "dead-letters",
  says: "Repair messages that started no repair.",
  query: v.strictObject({ limit: v.optional(whole(1, 1_000)) }),
  answer: deadLettersSchema,
  run: ({ ask }, { query: { limit = 100 } }) => readDeadLettersReport(ask, { limit }),
});

const quarantine = apiRoute({
  method: "GET",
  path: "/quarantine",
  name: "quarantine",
  says: "Slabs whose repairs kept crashing workers.",
  query: v.strictObject({ limit: v.optional(whole(1, 1_000)) }),
  answer: quarantineSchema,
  run: ({ ask }, { query: { limit = 100 } }) => readQuarantineReport(ask, { limit }),
});

const losses = apiRoute({
  method: "GET",
  path: "/losses",
  name: "losses",
  says: "The sectors that hosts denied and the earlier locations of lost sectors, the latest denial first.",
  query: v.strictObject({
    host: v.optional(v.pipe(hex, v.description("host key"))),
    state: v.optional(v.picklist(["open", "lost"])),
    limit: v.optional(whole(1, 1_000)),
    cursor,
  }),
  answer: lossesSchema,
  run: ({ ask }, { query: { host, limit = 100, ...rest } }) =>
    readLossesReport(ask, { ...rest, limit, host: host === undefined ? undefined : parseHostKey(host) }),
});

export const REPORT_ROUTES = [
  slabs,
  oneSlab,
  slabHistory,
  journal,
  hosts,
  throughput,
  deadLetters,
  quarantine,
  losses,
] as const;
