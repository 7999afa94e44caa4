/** Every route of the OpenAPI description, on a real database. */

import * as v from "valibot";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import { connect } from "../../lib/database/client/connect.ts";
import {
  askWithin,
  createDeadlineClient,
  type DeadlineClient,
} from "../../lib/database/client/deadline-client.ts";
import { stopLeasing } from "../../lib/database/fleet/fleet-mode.ts";
import { saveRun, startRun, takeRun } from "../../lib/database/runs/maintenance-runs.ts";
import type { RepairQueue } from "../../lib/queue/repair-queue.ts";
import type { MaintenanceReport } from "../../lib/reports/maintenance-schema.ts";
import type { StatusReport } from "../../lib/reports/status-schema.ts";
import { API_ROUTES } from "../../lib/server/api/routes.ts";
import { problemSchema } from "../../lib/server/problem.ts";
import { useDatabase } from "../support/database.ts";
import { LOST, placeOn, seedNetwork, seedSlab } from "../support/seed-indexd.ts";
import { startTestServer, type TestServer, TOKEN } from "./http-server.ts";

const { sql, url } = useDatabase();
let database: DeadlineClient;
let api: TestServer;
let slab: string;
let run: string;

interface Description {
  readonly paths: Record<string, Record<string, Operation>>;
}
interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, unknown>;
  readonly security?: readonly object[];
}

/** A queue that accepts everything. */
const queue: RepairQueue = { send: async (messages) => ({ sent: [...messages], failed: [] }) };

beforeAll(async () => {
  database = createDeadlineClient({ clock: systemClock, connect: () => connect(url, "test") });
  api = await startTestServer({ ask: askWithin(database, systemClock), queue });
  const hosts = await seedNetwork(sql, { hosts: 6 });
  await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  slab = (await sql<{ id: string }[]>`select id::text from slabs`)[0]!.id;
  await sql`
    insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, crashes, next_repair_attempt, quarantined_until, quarantine_reason)
    select id, digest, 'fault', now(), 3, now(), now() + interval '1 hour', 'crashed' from slabs`;
  await sql`
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
    select gen_random_uuid(), id, digest, 'repaired', 'repaired', 'w', now(), now(), now() from slabs`;
  run = String((await startRun(sql, { kind: "verify", scope: scopeOfRun(), owner: "ann@host" })).id);
  for (const id of ["one", "two"]) {
    await sql`
      insert into slabmend.dead_letters (message_id, body, body_bytes, cause, receive_count, first_seen, last_seen)
      values (${id}, 'x', 1, 'malformed', 5, now(), now())`;
  }
});
afterAll(async () => {
  await api.server.close();
  await database.end();
});

const scopeOfRun = () => ({ of: "slab", slab, sectors: 4 });

const ask = (method: string, path: string, body?: object) =>
  fetch(`${api.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** For each operation, a call that succeeds. */
const CALLS: Record<string, () => { path: string; body?: object }> = {
  status: () => ({ path: "/status" }),
  workers: () => ({ path: "/workers" }),
  slabs: () => ({ path: "/slabs?limit=10&margin=5" }),
  slab: () => ({ path: `/slabs/${slab}` }),
  "slab-history": () => ({ path: `/slabs/${slab}/history` }),
  history: () => ({ path: "/journal?outcome=repaired&since=2020-01-01T00:00:00.000Z" }),
  hosts: () => ({ path: "/hosts" }),
  throughput: () => ({ path: "/throughput?hours=2" }),
  "dead-letters": () => ({ path: "/dead-letters" }),
  quarantine: () => ({ path: "/quarantine" }),
  losses: () => ({ path: "/losses" }),
  runs: () => ({ path: "/runs?limit=5" }),
  run: () => ({ path: `/runs/${run}` }),
  "run-start": () => ({ path: "/runs", body: { kind: "verify", slab, dryRun: true } }),
  "run-request": () => ({ path: `/runs/${run}/pause` }),
  "fleet-mode": () => ({ path: "/mode", body: { kind: "paused", reason: "a test" } }),
  "quarantine-release": () => ({ path: `/quarantine/${slab}` }),
  "dead-letters-redrive": () => ({
    path: "/dead-letters/redrive",
    body: { messageIds: ["one"], discard: true },
  }),
  "dead-letter-delete": () => ({ path: "/dead-letters/two" }),
  indexers: () => ({ path: "/indexers" }),
  "indexer-delete": () => ({ path: "/indexers/default", body: { confirm: "default", reason: "a test" } }),
};

test("the answer of every described route has exactly the keys of its schema", async () => {
  const { paths } = (await (await ask("GET", "/openapi.json")).json()) as Description;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      ...operation,
    })),
  );
  expect(
    operations
      .filter(({ path }) => path !== "/events")
      .map(({ operationId }) => operationId)
      .sort(),
  ).toEqual(API_ROUTES.map(({ name }) => name).sort());
  for (const { operationId, method, path, security } of operations) {
    if (path === "/events") continue;
    const { path: asked, body } = CALLS[operationId]!();
    const answer = await ask(method, asked, body);
    const text = await answer.text();
    expect([operationId, answer.status, text]).toEqual([operationId, 200, text]);
    const route = API_ROUTES.find(({ name }) => name === operationId)!;
    const said = JSON.parse(text) as unknown;
    // Parsing drops keys that are not in the schema, so an answer with such a key differs from the parsed answer.
    expect(v.parse(route.answer, said)).toEqual(said);
    expect(security).toEqual(method === "GET" ? [{}, { password: [] }, { token: [] }] : [{ token: [] }]);
  }
  expect(await sql`select mode, mode_reason, mode_owner from slabmend.fleet`).toEqual([
    // The route indexer-delete, which was called last, has set these values.
    { mode: "deleting", mode_reason: "a test", mode_owner: "an operator" },
  ]);
  expect(await sql`select from slabmend.dead_letters`).toEqual([]);
  expect(await sql`select quarantined_until from slabmend.repairs`).toEqual([{ quarantined_until: null }]);
});

test.each([
  ["GET", "/slabs/999999", 404, "no-such-slab"],
  ["GET", "/slabs?cursor=x", 400, "malformed-cursor"],
  ["DELETE", "/quarantine/999999", 404, "not-quarantined"],
  ["DELETE", "/dead-letters/none", 404, "no-such-dead-letter"],
  ["GET", "/slabs?indexer=other", 404, "no-such-indexer"],
  ["GET", "/runs/999999", 404, "no-run"],
  ["GET", "/runs/9999999999999999999", 400, "bad-request"],
  ["POST", "/runs/999999/pause", 404, "no-run"],
  ["POST", "/runs/1/begin", 400, "bad-request"],
  ["POST", "/runs", 400, "bad-request", {}],
  ["POST", "/runs", 400, "bad-request", { kind: "move-database" }],
  ["POST", "/runs", 400, "bad-argument", { kind: "verify" }],
  ["POST", "/runs", 400, "bad-argument", { kind: "drain", slab: "1" }],
  ["POST", "/runs", 404, "no-such-host", { kind: "drain", hosts: ["ab".repeat(32)] }],
  ["POST", "/runs", 404, "no-such-slab", { kind: "verify", slab: "999999" }],
] as [string, string, number, string, object?][])(
  "%s %s is a described problem (%i %s)",
  async (method, path, status, code, body) => {
    const answer = await ask(method, path, body);
    expect(answer.status).toBe(status);
    const problem = v.parse(problemSchema, await answer.json());
    expect(problem).toMatchObject({ code, remedy: expect.any(String) });
    const { paths } = (await (await ask("GET", "/openapi.json")).json()) as Description;
    const described = Object.entries(paths).find(([template]) =>
      new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path.split("?")[0]!),
    )!;
    expect(Object.keys(described[1][method.toLowerCase()]!.responses)).toContain(String(status));
  },
);

test("deleting an indexer needs its name as confirmation, and a deleted indexer cannot be resumed", async () => {
  await sql`update slabmend.fleet set mode = 'running', mode_owner = null, mode_reason = null, mode_since = null`;
  const refused = await ask("DELETE", "/indexers/default", { confirm: "defaults" });
  expect([refused.status, await refused.json()]).toMatchObject([409, { code: "not-confirmed" }]);
  expect(await sql`select mode from slabmend.fleet`).toEqual([{ mode: "running" }]);
  expect((await ask("PUT", "/mode", { kind: "suspended", reason: "new disks" })).status).toBe(200);
  expect((await ask("DELETE", "/indexers/default", { confirm: "default" })).status).toBe(200);
  const resumed = await ask("PUT", "/mode", { kind: "running" });
  expect([resumed.status, await resumed.json()]).toMatchObject([409, { code: "mode-not-set" }]);
});

test("the API refuses to change the fleet's mode while a maintenance run has stopped leasing", async () => {
  await sql`update slabmend.fleet set mode = 'running', mode_owner = null, mode_reason = null, mode_since = null`;
  await stopLeasing(sql, { kind: "maintenance", owner: "run 1" });
  for (const kind of ["running", "paused"]) {
    const answer = await ask("PUT", "/mode", { kind });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([409, "mode-not-set"]);
  }
});

test("a maintenance run is shown in status with its progress, and can be controlled until its end", async () => {
  const request = async (what: string) => {
    const answer = await ask("POST", `/runs/${run}/${what}`);
    const said = (await answer.json()) as { run?: { state: string }; code?: string };
    return said.run?.state ?? `${answer.status} ${said.code}`;
  };
  expect(await request("resume")).toBe("running");
  const lease = (await takeRun(sql, { coordinator: "host/1", leaseMs: 300_000 }))!;
  await saveRun(sql, lease, 300_000, { statistics: { passed: 3, confirmed: 2, denied: 1 } });
  const status = (await (await ask("GET", "/status")).json()) as StatusReport;
  expect(status.maintenance).toMatchObject({
    id: run,
    kind: "verify",
    slabId: slab,
    state: "running",
    owner: "ann@host",
    coordinator: "host/1",
    progress: { done: 3, total: 4, unit: "sectors" },
    hasFindings: true,
  });
  const silentMs = Date.parse(status.at) - Date.parse(status.maintenance!.coordinatorSeenAt!);
  expect(silentMs).toBeGreaterThanOrEqual(0);
  expect(silentMs).toBeLessThan(60_000);
  expect(await request("cancel")).toBe("cancelling");
  expect(await request("resume")).toBe("409 run-state");
  await saveRun(sql, lease, 300_000, { end: { state: "cancelled" } });
  expect(await request("cancel")).toBe("404 no-run");
  expect(((await (await ask("GET", "/status")).json()) as StatusReport).maintenance).toBeNull();
  await startRun(sql, { kind: "verify", scope: scopeOfRun(), owner: "ben@host" });
  // A request that names the previous run does not affect the next run.
  expect(await request("cancel")).toBe("404 no-run");
  const { run: latest, earlier } = (await (await ask("GET", "/runs")).json()) as MaintenanceReport;
  expect([latest!.state, earlier.map(({ id, state }) => [id, state])]).toEqual([
    "running",
    [[run, "cancelled"]],
  ]);
});
