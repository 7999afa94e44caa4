/** Every report by name, with its command and route; docs/json.md and the API's description are generated from it. */
import type * as v from "valibot";
import {
  deriveSeedSchema,
  doctorSchema,
  forgetFollowerSchema,
  grantSchema,
  indexerDeletedSchema,
  initSchema,
  invokeSchema,
  redriveSchema,
  releaseSchema,
  uninstallSchema,
  workSchema,
} from "./command-schemas.ts";
import { historySchema } from "./history-schema.ts";
import { hostsSchema } from "./hosts-schema.ts";
import { indexersSchema } from "./indexers-schema.ts";
import { maintenanceSchema } from "./maintenance-schema.ts";
import { modeSchema } from "./mode.ts";
import { moveSchema } from "./move-schema.ts";
import { planSchema, repairSchema } from "./one-slab-schemas.ts";
import { slabSchema, slabsSchema } from "./slabs-schema.ts";
import { deadLettersSchema, lossesSchema, quarantineSchema } from "./standing-schema.ts";
import { statusSchema } from "./status-schema.ts";
import { throughputSchema } from "./throughput-schema.ts";

export interface ReportDescription {
  /** The command that prints the report with --json; null: no command prints it. */
  readonly command: string | null;
  /** The report's path below /api/v1; null: the API does not have the report. */
  readonly path: string | null;
  readonly says: string;
  readonly schema: v.GenericSchema;
}

export const REPORTS: Readonly<Record<string, ReportDescription>> = {
  status: {
    command: "slabmend status",
    path: "/status",
    says: "The state of the fleet and its slabs.",
    schema: statusSchema,
  },
  slabs: {
    command: "slabmend slabs",
    path: "/slabs",
    says: "Unhealthy slabs, most likely to be lost first.",
    schema: slabsSchema,
  },
  slab: {
    command: "slabmend slab SLAB",
    path: "/slabs/{id}",
    says: "One slab, shard by shard.",
    schema: slabSchema,
  },
  history: {
    command: "slabmend history",
    path: "/journal",
    says: "Finished repairs, latest first. `/slabs/{id}/history` answers with the repairs of one slab.",
    schema: historySchema,
  },
  hosts: {
    command: "slabmend hosts",
    path: "/hosts",
    says: "All hosts of indexd: whether each may take sectors, and how it performs.",
    schema: hostsSchema,
  },
  throughput: {
    command: null,
    path: "/throughput",
    says: "Repairs over time.",
    schema: throughputSchema,
  },
  indexers: {
    command: "slabmend indexers list",
    path: "/indexers",
    says: "The indexers of an installation, their states and modes.",
    schema: indexersSchema,
  },
  "dead-letters": {
    command: "slabmend dead-letters list",
    path: "/dead-letters",
    says: "Repair messages that started no repair.",
    schema: deadLettersSchema,
  },
  quarantine: {
    command: "slabmend quarantine list",
    path: "/quarantine",
    says: "Slabs whose repairs kept crashing workers.",
    schema: quarantineSchema,
  },
  losses: {
    command: "slabmend losses list",
    path: "/losses",
    says: "The sectors that hosts denied and the earlier locations of lost sectors.",
    schema: lossesSchema,
  },
  doctor: {
    command: "slabmend doctor",
    path: null,
    says: "The checks of what the fleet depends on.",
    schema: doctorSchema,
  },
  mode: {
    command: "slabmend pause",
    path: null,
    says: "The fleet's mode after the command, and whether it changed. `slabmend resume` prints the same.",
    schema: modeSchema,
  },
  maintenance: {
    command: "slabmend maintenance status",
    path: "/runs",
    says: "A maintenance run. `slabmend maintenance start`, `watch`, `pause`, `resume` and `cancel` print the same document; `/runs/{id}` and the routes that change a run answer with it.",
    schema: maintenanceSchema,
  },
  "move-database": {
    command: "slabmend move-database status",
    path: null,
    says: "A move of the database. `slabmend move-database plan`, `start`, `switch`, `finish` and `abort` print the same.",
    schema: moveSchema,
  },
  "quarantine-release": {
    command: "slabmend quarantine release",
    path: null,
    says: "Slabs whose quarantine was ended.",
    schema: releaseSchema,
  },
  "followers-forget": {
    command: "slabmend followers forget",
    path: null,
    says: "A removed follower of the journal.",
    schema: forgetFollowerSchema,
  },
  "dead-letters-redrive": {
    command: "slabmend dead-letters redrive",
    path: null,
    says: "What was done with the dead letters.",
    schema: redriveSchema,
  },
  plan: {
    command: "slabmend plan SLAB",
    path: null,
    says: "What a repair of a slab would move, and its cost.",
    schema: planSchema,
  },
  repair: {
    command: "slabmend repair SLAB",
    path: null,
    says: "How a repair of one slab ended.",
    schema: repairSchema,
  },
  work: {
    command: "slabmend work",
    path: null,
    says: "Totals of the whole run, as the last line after the log. `slabmend serve` prints the same.",
    schema: workSchema,
  },
  init: {
    command: "slabmend init",
    path: null,
    says: "What was done to the slabmend schema.",
    schema: initSchema,
  },
  "indexers-delete": {
    command: "slabmend indexers delete NAME",
    path: null,
    says: "A deleted indexer.",
    schema: indexerDeletedSchema,
  },
  uninstall: {
    command: "slabmend uninstall",
    path: null,
    says: "What was done with the slabmend schema, its waiting leases and its unsent events.",
    schema: uninstallSchema,
  },
  grant: {
    command: "slabmend grant",
    path: null,
    says: "The SQL for the fleet's role.",
    schema: grantSchema,
  },
  invoke: {
    command: "slabmend invoke FUNCTION",
    path: null,
    says: "The report of a run of claim or reap.",
    schema: invokeSchema,
  },
  "derive-seed": {
    command: "slabmend derive-seed",
    path: null,
    says: "The migration seed of a recovery phrase.",
    schema: deriveSeedSchema,
  },
};
