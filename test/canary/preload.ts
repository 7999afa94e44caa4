/**
 * Loaded by every Node.js child of a test's process before its program, and by theirs: what they start and serve is beyond the
 * test's reach. It writes to the folder that its own URL names. What the child prints, the test's process reads itself.
 */
import { isMainThread } from "node:worker_threads";
import { recordInto } from "./recorder.ts";
import { watchServers } from "./watch-databases.ts";
import { watchHttp } from "./watch-http.ts";
import { watchKeys } from "./watch-keys.ts";
import { watchProcesses } from "./watch-processes.ts";
import { watchSynchronousProcesses } from "./watch-synchronous-processes.ts";

if (isMainThread) {
  recordInto(new URL(import.meta.url).searchParams.get("folder")!);
  watchKeys();
  watchProcesses({ preload: import.meta.url, readsInherited: false });
  watchSynchronousProcesses();
  watchHttp();
  watchServers();
}
