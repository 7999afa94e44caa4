import { channel } from "node:diagnostics_channel";

/** The announcement that a server is about to be stopped and its databases removed. */
export interface PostgresStopping {
  url(database: string): string;
  /** The server is not stopped before `look` has resolved or rejected. */
  waitUntil(look: Promise<unknown>): void;
}

/** Lets tests inspect the databases of this process before they are removed. */
export const postgresStopping = channel("slabmend.postgres-stopping");

/** Notifies the listeners, and waits for the promises that they passed to `waitUntil`. */
export async function announcePostgresStopping(url: (database: string) => string): Promise<void> {
  if (!postgresStopping.hasSubscribers) return;
  const looks: Promise<unknown>[] = [];
  const stopping: PostgresStopping = { url, waitUntil: (look) => void looks.push(look) };
  postgresStopping.publish(stopping);
  await Promise.allSettled(looks);
}
