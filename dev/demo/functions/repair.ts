import { createRepairHandler } from "../../../functions/repair.ts";
import { WORKER_SETTINGS } from "./settings.ts";

export const handler = createRepairHandler({ settings: WORKER_SETTINGS });
