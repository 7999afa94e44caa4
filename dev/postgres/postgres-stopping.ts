import { channel } from "node:diagnostics_channel";

/** A server that is about to be stopped, and its databases to be gone. */
export interface PostgresStopping {
  url(database: string): string;
  /** Stopping waits for it, and goes on whatever becomes of it. */
  waitUntil(look: Promise<unknown>): void;
}

/** For whoever wants to look into the databases of this process at the end, as tests do. Usually nobody. */
export const postgresStopping = channel("slabmend.postgres-stopping");

/** Tells them, and waits for those who asked for it. */
export async function announcePostgresStopping(url: (database: string) => string): Promise<void> {
  if (!postgresStopping.hasSubscribers) return;
  const looks: Promise<unknown>[] = [];
  const stopping: PostgresStopping = { url, waitUntil: (look) => void looks.push(look) };
  postgresStopping.publish(stopping);
  await Promise.allSettled(looks);
}
