/**
 * Runs before test files (vitest's setupFiles) whose code could leak a secret: functions, commands, the demo. Watches
 * all output of the code under test, and fails the test file if the output contains a secret that is not allowed there.
 * docs/security.md lists what is watched.
 */
import { rm } from "node:fs/promises";
import { afterAll, afterEach, beforeEach, inject } from "vitest";
import { createRunFolder } from "../../dev/process/run-folder.ts";
import { watchTestDatabases } from "../support/database.ts";
import { isAllowed } from "./allowed-places.ts";
import { describeFindings } from "./describe-findings.ts";
import { recordChildrenIn, recorded, recordTest } from "./recorder.ts";
import { searchSecrets } from "./search-secrets.ts";
import {
  forgetDatabase,
  recordAllRows,
  recordServerLog,
  rememberDatabase,
  sizeOfLog,
  watchServers,
} from "./watch-databases.ts";
import { watchErrors } from "./watch-errors.ts";
import { watchHttp } from "./watch-http.ts";
import { watchKeys } from "./watch-keys.ts";
import { watchOutput } from "./watch-output.ts";
import { watchProcesses } from "./watch-processes.ts";
import { watchSynchronousProcesses } from "./watch-synchronous-processes.ts";

// The folder is named after this process, so that a later run can remove it if this process is killed.
const folder = await createRunFolder();
recordChildrenIn(folder);
const preload = new URL("./preload.ts", import.meta.url);
preload.searchParams.set("folder", folder);

// Suites that need no database have no server.
const server = inject("database") as ReturnType<typeof inject<"database">> | undefined;
const logFrom = server === undefined ? 0 : sizeOfLog(server.logFile);

watchKeys();
watchOutput();
watchProcesses({ preload: preload.href, readsInherited: true });
watchSynchronousProcesses();
watchHttp();
watchErrors();
watchServers();
watchTestDatabases({ created: rememberDatabase, dropping: forgetDatabase });

// The hooks of a setup file are outermost: first before a test, last after it.
beforeEach(({ task }) => recordTest(task.name));
afterEach(async () => {
  await recordAllRows();
  recordTest(undefined);
});
afterAll(async () => {
  if (server !== undefined) {
    await recordServerLog({ file: server.logFile, from: logFrom, adminUrl: server.adminUrl });
  }
  const { secrets, traces } = recorded();
  // A dying child may still write into the folder.
  await rm(folder, { recursive: true, maxRetries: 5 });
  const findings = searchSecrets(secrets, traces).filter((finding) => !isAllowed(finding));
  if (findings.length > 0) throw new Error(describeFindings(findings, secrets));
});
