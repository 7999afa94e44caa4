import { VARIABLES, type VariableName } from "./variables.ts";

/** The database's URL may be an option of the command; queues are not needed everywhere. */
const GIVEN_OTHERWISE = [
  "SLABMEND_DATABASE_URL",
  "SLABMEND_QUEUE_URL",
  "SLABMEND_DEAD_LETTER_QUEUE_URL",
  "SLABMEND_CHECK_QUEUE_URL",
] as const;

export type WorkVariable = Exclude<VariableName, (typeof GIVEN_OTHERWISE)[number]>;

/** What `work` and `serve` read: all that claim, repair and reap read, but for what they are given in another way. */
export const WORK_VARIABLES: readonly WorkVariable[] = (Object.keys(VARIABLES) as VariableName[]).filter(
  (name): name is WorkVariable => !(GIVEN_OTHERWISE as readonly VariableName[]).includes(name),
);
