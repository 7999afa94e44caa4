import type { Ask } from "../database/client/deadline-client.ts";
import type { RepairQueue } from "../queue/repair-queue.ts";
import type { StatusReport } from "../reports/status-schema.ts";
import type { WorkersReport } from "./workers-report.ts";

/** What the routes use of one indexer. */
export interface IndexerApi {
  readonly indexer: string;
  readonly ask: Ask;
  /** Shared by all who ask at the same time. */
  readonly readStatus: () => Promise<StatusReport>;
  readonly readWorkers: () => Promise<WorkersReport>;
  /** Undefined: none is configured. */
  readonly openQueue: () => Promise<RepairQueue | undefined>;
  /** Who is recorded as the owner of a pause. */
  readonly owner: string;
}
