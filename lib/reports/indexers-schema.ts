/** The indexers of an installation: `slabmend indexers list --json`, and `GET /api/v1/indexers`. */
import * as v from "valibot";
import { count, schemaVersion } from "./fields.ts";
import { fleetMode } from "./mode.ts";

const unit = v.object({
  unit: v.pipe(v.string(), v.description("claim, reap, or a worker")),
  health: v.picklist(["processing", "idle", "waiting", "stalled"]),
  says: v.string(),
});

const indexerSchema = v.object({
  name: v.string(),
  state: v.pipe(
    v.picklist([
      "initializing",
      "running",
      "stopping",
      "stopped",
      "repairing",
      "deleting",
      "deleted",
      "absent",
      "unknown",
    ]),
    v.description("absent: its database has no slabmend schema; unknown: the database does not answer"),
  ),
  says: v.pipe(v.string(), v.description("for people")),
  since: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  mode: v.pipe(v.nullable(fleetMode), v.description("the mode that an operator set; null: unknown")),
  holder: v.pipe(
    v.nullable(v.string()),
    v.description("the process that controls the indexer; null: none, or unknown"),
  ),
  failures: v.pipe(count, v.description("consecutive failures of the present step of its lifecycle")),
  trouble: v.nullable(
    v.object({
      code: v.pipe(v.string(), v.description("stable")),
      message: v.string(),
      remedy: v.nullable(v.string()),
    }),
  ),
  here: v.pipe(
    v.nullable(
      v.object({
        concurrency: v.pipe(count, v.description("simultaneous repairs that it may run now")),
        running: count,
        restarts: v.pipe(count, v.description("restarts of claim and reap because they stalled")),
        units: v.array(unit),
      }),
    ),
    v.description(
      "the indexer's work in the `serve` process that answers; null: it does no work there, or a command prints the report",
    ),
  ),
});

export const indexersSchema = v.object({ schemaVersion, indexers: v.array(indexerSchema) });

export type IndexerReport = v.InferOutput<typeof indexerSchema>;
