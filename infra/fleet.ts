import { createFunctions } from "./functions.ts";
import { createQueues } from "./queues.ts";
import { createSecrets } from "./secrets.ts";

/** Everything that a stage consists of, and what the operator wants to know of it. */
export function deployFleet() {
  const queues = createQueues();
  createFunctions(queues, createSecrets());
  return { repairs: queues.repairs.url, deadLetters: queues.deadLetters.url };
}
