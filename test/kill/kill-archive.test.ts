/** SIGKILL of reap at each step of the archive follower that runs beside it; the next run goes on without a gap or a duplicate. */
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDirectoryStorage } from "../../lib/archive/directory-storage.ts";
import type { ArchiveStep } from "../../lib/jobs/journal/follow-archive.ts";
import { seedJournal } from "../database/journal/journal-rows.ts";
import { archivedTokens, setWallet, useFolder } from "../jobs/journal/archive-fixture.ts";
import { createKillWorld, type KillWorld } from "../support/kill-world.ts";

const folder = useFolder();
let kill: KillWorld;
beforeAll(async () => {
  kill = await createKillWorld({ hosts: 1 });
});
afterAll(() => kill.stop());
beforeEach(() => kill.reset());

test.each<ArchiveStep>(["segment-created", "manifest-replaced", "checkpoint-moved"])(
  "the archive continues after a kill of reap at %s",
  async (step) => {
    const { sql } = kill.world.database;
    await setWallet(sql);
    const place = join(folder.path, "archive");
    const variables = { SLABMEND_ARCHIVE: place };
    const tokens = await seedJournal(sql, [{}, {}, {}]);
    const victim = await kill.startVictim("reap", { step, occurrence: 2 }, variables);
    expect(await victim.invoke({})).toMatchObject({ kind: "succeeded" });
    tokens.push(...(await seedJournal(sql, [{}, {}])));
    expect(await victim.invoke({})).toMatchObject({ how: "crashed" });
    tokens.push(...(await seedJournal(sql, [{}])));
    const next = await kill.startVictim("reap", undefined, variables);
    expect(await next.invoke({})).toMatchObject({ kind: "succeeded" });
    expect(await archivedTokens(createDirectoryStorage(place))).toEqual(tokens);
    const [state] = await sql`
      select f.position = h.position as passed_all, f.stopped_by
      from slabmend.followers f cross join slabmend.journal_head h where f.name = ${`archive ${place}`}`;
    expect(state).toEqual({ passed_all: true, stopped_by: null });
  },
);
