/** Every report by name, with where it is printed or answered: what docs/json.md and the API's description are made from. */
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
  /** The command that prints it with --json; null: none does. */
  readonly command: string | null;
  /** Below /api/v1; null: not answered there. */
  readonly path: string | null;
  readonly says: string;
  readonly schema: v.GenericSchema;
}

export const REPORTS: Readonly<Record<string, ReportDescription>> = {
  status: {
    command: "slabmend status",
    path: "/status",
    says: "How the fleet and its slabs are.",
    schema: statusSchema,
  },
  slabs: {
    command: "slabmend slabs",
    path: "/slabs",
    says: "Unhealthy slabs, the most likely to be lost first.",
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
    says: "Repairs that ended, latest first. `/slabs/{id}/history` answers the same of one slab.",
    schema: historySchema,
  },
  hosts: {
    command: "slabmend hosts",
    path: "/hosts",
    says: "All hosts that indexd knows, and what each is good for.",
    schema: hostsSchema,
  },
  throughput: {
    command: null,
    path: "/throughput",
    says: "What was repaired over time.",
    schema: throughputSchema,
  },
  indexers: {
    command: "slabmend indexers list",
    path: "/indexers",
    says: "The indexers of an installation: their states, and what operators want of them.",
    schema: indexersSchema,
  },
  "dead-letters": {
    command: "slabmend dead-letters list",
    path: "/dead-letters",
    says: "Messages that no repair began from.",
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
    says: "Sectors that hosts denied to have, and what became of them.",
    schema: lossesSchema,
  },
  doctor: {
    command: "slabmend doctor",
    path: null,
    says: "What the fleet depends on, check by check.",
    schema: doctorSchema,
  },
  mode: {
    command: "slabmend pause",
    path: null,
    says: "The fleet's mode after it was changed, or was not. `slabmend resume` prints the same.",
    schema: modeSchema,
  },
  maintenance: {
    command: "slabmend maintenance status",
    path: "/runs",
    says: "A maintenance run. `slabmend maintenance start`, `watch`, `pause`, `resume` and `cancel` print the same; `/runs/{id}` and what changes a run answer it.",
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
    says: "A follower of the journal that was forgotten.",
    schema: forgetFollowerSchema,
  },
  "dead-letters-redrive": {
    command: "slabmend dead-letters redrive",
    path: null,
    says: "What became of the dead letters.",
    schema: redriveSchema,
  },
  plan: {
    command: "slabmend plan SLAB",
    path: null,
    says: "What a repair of a slab would move, and what it would cost.",
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
    says: "What was done from start to end: the last line, after those of the log. `slabmend serve` prints the same.",
    schema: workSchema,
  },
  init: {
    command: "slabmend init",
    path: null,
    says: "What was done to our schema.",
    schema: initSchema,
  },
  "indexers-delete": {
    command: "slabmend indexers delete NAME",
    path: null,
    says: "An indexer that is gone.",
    schema: indexerDeletedSchema,
  },
  uninstall: {
    command: "slabmend uninstall",
    path: null,
    says: "What was done with our schema, and with what it had in hand.",
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
    says: "What a run of claim or reap reports.",
    schema: invokeSchema,
  },
  "derive-seed": {
    command: "slabmend derive-seed",
    path: null,
    says: "The migration seed of a recovery phrase.",
    schema: deriveSeedSchema,
  },
};
