/**
 * How fast a restore is: `npm run bench:restore [-- MOVED [PROVED]]`. One line each:
 *
 *   database  records of the archive read, and MOVED sectors (100,000) placed, three of each slab; the database alone, PostgreSQL with
 *             its own durability on the same machine
 *   hosts     contracts asked for, PROVED sectors (240) proved as the archive names them, and as many scanned, on 128 hosts on loopback,
 *             50 ms away in each direction, with real sectors
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
