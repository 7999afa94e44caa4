/**
 * `npm run bench:restore [-- MOVED [PROVED]]`: how fast a restore is. Prints two lines:
 *
 *   database  how fast a restore reads records of the archive and places MOVED sectors (100,000), three of each slab;
 *             without hosts
 *   hosts     how fast it asks 128 hosts for contracts, proves PROVED sectors (240) at the hosts that the archive
 *             names, and scans for as many; the hosts have real sectors and are 50 ms away in each direction
 *
 * PostgreSQL, with its default durability, and the hosts run on this machine.
 */
import { cpus, loadavg } from "node:os";
import { measureDatabase } from "./restore/database-rates.ts";
import { measureHosts } from "./restore/host-rates.ts";

const moved = Number(process.argv[2] ?? 100_000);
const proved = Number(process.argv[3] ?? 240);
const machine = () => ({
  cpu: cpus()[0]?.model.trim(),
  cores: cpus().length,
  load: Math.round(loadavg()[0]!),
});

if (proved > 0) console.log(JSON.stringify({ hosts: await measureHosts(proved), ...machine() }));
if (moved > 0) console.log(JSON.stringify({ database: await measureDatabase(moved), ...machine() }));
