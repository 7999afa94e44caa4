/**
 * Preloaded by all Node.js descendants of a test's process, because the test cannot see what they start and serve. The
 * URL with which this file is loaded names the folder for the process's record. A process does not record its own
 * output, because its parent does.
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
