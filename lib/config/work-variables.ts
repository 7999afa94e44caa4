import { VARIABLES, type VariableName } from "./variables.ts";

/**
 * `work` and `serve` do not read these variables together with the others: the database URL may be an option of the
 * command, and queues are not always needed.
 */
const GIVEN_OTHERWISE = [
  "SLABMEND_DATABASE_URL",
  "SLABMEND_QUEUE_URL",
  "SLABMEND_DEAD_LETTER_QUEUE_URL",
  "SLABMEND_CHECK_QUEUE_URL",
] as const;

export type WorkVariable = Exclude<VariableName, (typeof GIVEN_OTHERWISE)[number]>;

/**
 * What `work` and `serve` read: the variables of claim, repair and reap, except those that these commands get in
 * another way.
 */
export const WORK_VARIABLES: readonly WorkVariable[] = (Object.keys(VARIABLES) as VariableName[]).filter(
  (name): name is WorkVariable => !(GIVEN_OTHERWISE as readonly VariableName[]).includes(name),
);
