/** The status report from a database; some of its values are not known yet. */
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { renderStatus } from "../../lib/cli/commands/status/render-status.ts";
import { noteRun } from "../../lib/database/fleet/last-runs.ts";
import { readStatusReport } from "../../lib/reports/status.ts";
import { type StatusReport, statusSchema } from "../../lib/reports/status-schema.ts";
import { askOf } from "../support/ask.ts";
import { useDatabase } from "../support/database.ts";

const { sql } = useDatabase();
const read = async (): Promise<StatusReport> => {
  const report = await readStatusReport(askOf(sql));
  // Exactly the documented keys.
  expect(v.parse(statusSchema, report)).toEqual(report);
  for (const line of renderStatus(report).split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  return report;
};

describe("before the first walk", () => {
  test("the status has an unknown number of unhealthy slabs, not zero, and no time of a claim", async () => {
    const report = await read();
    expect(report).toMatchObject({
      sentence: { level: "unknown", text: "Unknown: no walk has finished yet; no claim has run yet" },
      slabs: { unhealthy: null, ready: null, inDanger: null },
      walk: { at: null },
      claim: { at: null, hasStopped: true },
      indexd: { seemsToRun: null, oldestUnpinnedSeconds: null },
    });
    expect(renderStatus(report)).toContain("number of unhealthy slabs unknown: no walk yet");
  });
});

describe("a fleet at work", () => {
  test("the status has the age of claims, reaps and the walk", async () => {
    await noteRun(sql, "claim");
    await noteRun(sql, "reap");
    await sql`
      insert into slabmend.walks (cause, pass_started_at, finished_at, pass_ms)
      select c, clock_timestamp(), clock_timestamp() - interval '14 seconds', 2500
      from unnest(array['lost', 'denied', 'bad-contract', 'bad-host', 'draining']) c`;
    await seedBacklog(1n, { margin: 2, loss: 0.1, ready: true });
    await seedBacklog(2n, { margin: 20, loss: 1e-9, ready: false });
    const report = await read();
    expect(report).toMatchObject({
      sentence: { level: "danger", text: "1 slab is in danger" },
      slabs: { unhealthy: 2, ready: 1, waiting: 1, inDanger: 1, beyondRescue: 0 },
      margins: [
        { margin: 2, ready: 1, waiting: 0, inDanger: 1 },
        { margin: 20, ready: 0, waiting: 1, inDanger: 0 },
      ],
      claim: { hasStopped: false },
      walk: { passSeconds: 2.5 },
      // No repair has finished, so there is no rate for an estimate.
      throughput: { secondsLeft: null },
    });
    expect(report.walk.ageSeconds).toBeGreaterThanOrEqual(14);
  });

  test("the number of unhealthy slabs is unknown while the walk of one cause is unfinished", async () => {
    await sql`update slabmend.walks set finished_at = null where cause = 'lost'`;
    await sql`delete from slabmend.backlog where loss > 0.01`;
    expect(await read()).toMatchObject({ sentence: { level: "unknown" }, slabs: { unhealthy: null } });
    await sql`update slabmend.walks set finished_at = clock_timestamp()`;
  });

  test("a slab whose last repair found too few sources is in danger even if its hosts look good", async () => {
    await sql`
      insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt)
      values (2, sha256('2'), 'too-few-sources', clock_timestamp(), clock_timestamp())`;
    expect(await read()).toMatchObject({ slabs: { inDanger: 1 }, atRisk: 1, sentence: { level: "danger" } });
    await sql`delete from slabmend.repairs`;
  });

  test("without a claim for 23 min the status says that nothing is repaired, unless a repair runs", async () => {
    await sql`update slabmend.fleet set claimed_at = clock_timestamp() - interval '23 minutes'`;
    expect(await read()).toMatchObject({
      sentence: {
        level: "stopped",
        text: expect.stringMatching(/^Nothing is repaired: no claim for 23 min; 1 of/),
      },
      attention: [{ code: "claim-stopped" }],
    });
    await sql`
      insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, began_at, worker, expires_at, margin)
      values (2, sha256('2'), now(), now(), now(), now(), 'w', now() + interval '1 hour', 1)`;
    expect(await read()).toMatchObject({ claim: { hasStopped: false } });
  });

  test("the estimated time left is the time for all ready slabs, and is unknown if no slab is ready", async () => {
    await sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
      select gen_random_uuid(), n, sha256('x'), 'repaired', 'repaired', 'w', now(), now(), clock_timestamp()
      from generate_series(1, 10) n`;
    expect(await read()).toMatchObject({ throughput: { slabsPerHour: 60, secondsLeft: null } });
    await sql`update slabmend.backlog set ready = true`;
    expect(await read()).toMatchObject({
      throughput: { secondsLeft: 60 },
      lastHour: { repaired: 10, fault: 0 },
    });
  });
});

test("a run's time is written at most every ten seconds, but a stored time in the future is replaced", async () => {
  const claimedAt = async () =>
    (await sql<[{ at: string }]>`select claimed_at::text as at from slabmend.fleet`)[0].at;
  await noteRun(sql, "claim");
  const first = await claimedAt();
  await noteRun(sql, "claim");
  expect(await claimedAt()).toBe(first);
  await sql`update slabmend.fleet set claimed_at = clock_timestamp() + interval '1 hour'`;
  const future = await claimedAt();
  await noteRun(sql, "claim");
  expect((await claimedAt()) < future).toBe(true);
});

async function seedBacklog(
  id: bigint,
  { margin, loss, ready }: { readonly margin: number; readonly loss: number; readonly ready: boolean },
): Promise<void> {
  await sql`
    insert into slabmend.backlog (slab_id, urgency, loss, margin, causes, since, waiting_since, ready, look_at)
    values (${String(id)}::bigint, ${loss}, ${loss}, ${margin}, '{"lost": 1}', '{}', clock_timestamp(), ${ready},
      clock_timestamp() + interval '1 hour')`;
}
