import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;

/** Waits for what has no event; fails with what it saw last. */
export async function until<Value>(
  look: () => Promise<Value>,
  isReached: (value: Value) => boolean,
  options: { readonly limitMs?: number; readonly explain?: () => string } = {},
): Promise<Value> {
  const { limitMs = 20_000, explain = () => "" } = options;
  for (const deadline = Date.now() + limitMs; ; await sleep(POLL_MS)) {
    const seen = await look();
    if (isReached(seen)) return seen;
    if (Date.now() > deadline) {
      throw new Error(`not within ${limitMs} ms; seen last: ${JSON.stringify(seen)}\n${explain()}`);
    }
  }
}
