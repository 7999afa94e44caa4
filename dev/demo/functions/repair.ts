import type { Context, SQSEvent } from "aws-lambda";
import { createRepairHandler } from "../../../functions/repair.ts";
import { createWrongClock, takeWrongClock, WRONG_CLOCKS_VARIABLE } from "../wrong-clocks.ts";
import { WORKER_SETTINGS } from "./settings.ts";

const clock = createWrongClock();
const wrongClocks = process.env[WRONG_CLOCKS_VARIABLE];
const repair = createRepairHandler({ settings: WORKER_SETTINGS, clock });

export const handler = async (event: SQSEvent, context: Context) => {
  if (wrongClocks !== undefined) clock.offByMs = await takeWrongClock(wrongClocks);
  return await repair(event, context);
};
