/**
 * `npm run bench:commits`: durable commits per second of 1, 8 and 64 workers on a real PostgreSQL 18, and how a backend
 * spends its time; prints one JSON object. The workers run in this process, on the same processors as PostgreSQL.
 *
 *   --slabs N (20000)  --hosts N (500)  --commits N (2000) per round  --rounds N (3)
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import postgres, { type Sql } from "postgres";
import { startPostgres } from "../dev/postgres/postgres.ts";
import { countFunctions, perCommit, readCounters } from "./claim/commit-profile.ts";
import { commitTogether } from "./claim/commit-rates.ts";
import { type GeneratedIndexd, generateIndexd, loseHosts } from "./claim/generate-indexd.ts";
import { median, rounded } from "./measure.ts";

const { values } = parseArgs({
  options: {
    slabs: { type: "string", default: "20000" },
    hosts: { type: "string", default: "500" },
    commits: { type: "string", default: "2000" },
    rounds: { type: "string", default: "3" },
  },
});
const commits = Number(values.commits);
const say = (what: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${what}`);

async function rates(url: string, sql: Sql, indexd: GeneratedIndexd): Promise<object[]> {
  const results = [];
  for (const workers of [1, 8, 64]) {
    const perSecond: number[] = [];
    let last: Awaited<ReturnType<typeof commitTogether>> | undefined;
    for (let round = 0; round < Number(values.rounds); round++) {
      say(`${workers} workers`);
      await sql.unsafe("checkpoint");
      last = await commitTogether(url, indexd, { workers, objects: "many", commits });
      perSecond.push(last.commitsPerSecond);
    }
    results.push({ ...last, commitsPerSecond: rounded(median(perSecond)), everyRound: perSecond });
  }
  return results;
}

async function profile(url: string, sql: Sql, indexd: GeneratedIndexd) {
  say("profile");
  await countFunctions(sql, "all");
  const before = await readCounters(sql);
  const { commits: done } = await commitTogether(url, indexd, { workers: 1, objects: "many", commits });
  const after = await readCounters(sql);
  await countFunctions(sql, "none");
  return perCommit(before, after, done);
}

const server = await startPostgres({
  maxConnections: 120,
  durability: "full",
  settings: { shared_buffers: "1GB", max_wal_size: "8GB", checkpoint_timeout: "30min" },
});
const sql = postgres(server.url("postgres"), { max: 1, onnotice: () => {} }) as Sql;
try {
  const indexd = await generateIndexd(sql, {
    slabs: Number(values.slabs),
    hosts: Number(values.hosts),
    minShards: 10,
    shards: 30,
  });
  const lost = await loseHosts(sql, indexd.hosts.slice(0, Math.ceil(indexd.hosts.length / 10)));
  const machine = { cpu: cpus()[0]?.model.trim(), cores: cpus().length };
  const measured = {
    commits: await rates(server.url("postgres"), sql, indexd),
    profile: await profile(server.url("postgres"), sql, indexd),
  };
  console.log(
    JSON.stringify(
      { machine, load: rounded(loadavg()[1]!), node: process.version, sectorsLost: lost, ...measured },
      null,
      2,
    ),
  );
} finally {
  await sql.end();
  await server.stop();
}
