import type { ISql } from "postgres";
import type { HostId } from "../../slab/ids.ts";
import { parseRoot } from "../../slab/ids.ts";
import { checkRules } from "../../store/check-rules.ts";
import type { DemoHost } from "./register-hosts.ts";

/** What must always hold (docs/architecture.md) and does not, one sentence each: by SQL, and at the hosts themselves. */
export async function findViolations(sql: ISql, hosts: readonly DemoHost[]): Promise<string[]> {
  const violations = await checkRules(sql, { settled: true });
  return [
    ...violations.map(({ rule, what, subject }) => `rule ${rule} is violated: ${what}: ${subject}`),
    ...(await missingSectors(sql, hosts)),
  ];
}

/** A location is recorded only after the host had the sector; the host itself is asked, not what it tells readers. */
async function missingSectors(sql: ISql, hosts: readonly DemoHost[]): Promise<string[]> {
  const rows = await sql<{ root: string; host_id: HostId }[]>`
    select encode(sector_root, 'hex') as root, host_id from sectors where num_migrated > 0 and host_id is not null`;
  const missing: string[] = [];
  for (const { root, host_id } of rows) {
    const host = hosts.find(({ row }) => row.id === host_id);
    if ((await host?.swarm.hasSector(parseRoot(root))) === true) continue;
    missing.push(`rule 5 is violated: host ${host_id} does not have sector ${root}, which was moved to it`);
  }
  return missing;
}
