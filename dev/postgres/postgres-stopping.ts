import { channel } from "node:diagnostics_channel";

/** A server that is about to be stopped, together with its databases. */
export interface PostgresStopping {
  url(database: string): string;
  /** Stopping waits for this promise, and continues even if it rejects. */
  waitUntil(look: Promise<unknown>): void;
}

/** For tests that inspect this process's databases at the end. */
export const postgresStopping = channel("slabmend.postgres-stopping");

/** Notifies the listeners, and waits for those that asked for it. */
export async function announcePostgresStopping(url: (database: string) => string): Promise<void> {
  if (!postgresStopping.hasSubscribers) return;
  const looks: Promise<unknown>[] = [];
  const stopping: PostgresStopping = { url, waitUntil: (look) => void looks.push(look) };
  postgresStopping.publish(stopping);
  await Promise.allSettled(looks);
}
