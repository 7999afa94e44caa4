/**
 * Writes docs/images/console-*.png: the console in Chromium, served by the real server from databases seeded for it.
 *
 *   node scripts/write-screenshots.ts [NAME…]      default: all of SHOTS
 *
 * Needs Chromium (scripts/install-chromium.sh). Fonts are this machine's: with Inter installed it looks as in the README.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import postgres from "postgres";
import { findChromium } from "../dev/console/find-chromium.ts";
import type { FleetState } from "../dev/console/fleet-state.ts";
import { MIXED_SLAB, seedFleet } from "../dev/console/seed-fleet.ts";
import { serveConsole } from "../dev/console/serve-console.ts";
import { indexdSchema } from "../dev/indexd/indexd-schema.ts";
import { type PostgresServer, startPostgres } from "../dev/postgres/postgres.ts";
import { migrateDatabase } from "../lib/database/schema/migrate-database.ts";
import { shrinkPng } from "./write-screenshots/shrink-png.ts";

const IMAGES = fileURLToPath(new URL("../docs/images/", import.meta.url));
const DESKTOP = { width: 1280, height: 1040 };
const PHONE = { width: 390, height: 844 };

interface Shot {
  readonly name: string;
  readonly state: FleetState | "away";
  readonly theme: "light" | "dark";
  /** Where to go, given the id of a slab with shards in many states. */
  readonly fragment?: (slabId: string) => string;
  readonly size?: { readonly width: number; readonly height: number };
  /** What to do before the picture. */
  readonly before?: (page: Page) => Promise<void>;
}

const SHOTS: readonly Shot[] = [
  { name: "healthy", state: "healthy", theme: "light" },
  { name: "danger", state: "danger", theme: "light" },
  { name: "danger-dark", state: "danger", theme: "dark" },
  { name: "breaker", state: "breaker", theme: "light" },
  { name: "empty", state: "empty", theme: "light" },
  { name: "away", state: "away", theme: "light" },
  {
    name: "slab",
    state: "danger",
    theme: "light",
    fragment: (slabId) => `#/slabs/${slabId}`,
    before: (page) =>
      page
        .getByRole("option", { name: /bad host/ })
        .first()
        .focus(),
  },
  {
    name: "hosts",
    state: "danger",
    theme: "dark",
    fragment: () => "#/hosts",
    before: (page) =>
      page
        .getByRole("option", { name: /fails often/ })
        .first()
        .hover(),
  },
  { name: "phone", state: "danger", theme: "light", size: PHONE },
];

async function main(names: readonly string[]): Promise<void> {
  const wanted = SHOTS.filter(({ name }) => names.length === 0 || names.includes(name));
  await mkdir(IMAGES, { recursive: true });
  const server = await startPostgres();
  const browser = await chromium.launch({ executablePath: await findChromium(), args: ["--no-sandbox"] });
  try {
    for (const [state, shots] of Map.groupBy(wanted, (shot) => shot.state)) {
      await takeShots(server, browser, state, shots);
    }
  } finally {
    await browser.close();
    await server.stop();
  }
}

async function takeShots(
  server: PostgresServer,
  browser: Browser,
  state: Shot["state"],
  shots: readonly Shot[],
): Promise<void> {
  const name = `console_${state}`;
  const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
  await admin`create database ${admin(name)}`;
  const sql = postgres(server.url(name), { max: 2, onnotice: () => {} });
  await sql.unsafe(indexdSchema());
  await migrateDatabase(sql);
  const { slabs } = await seedFleet(sql, state === "away" ? "healthy" : state);
  await sql.end();
  const inHand = state === "danger" ? slabs.slice(3, 6).map(({ id }) => String(id)) : [];
  const served = await serveConsole(server.url(name), inHand);
  try {
    for (const shot of shots) {
      await takeShot(browser, served.url, shot, String(slabs[MIXED_SLAB]?.id ?? 0), async () => {
        if (state !== "away") return;
        await admin`alter database ${admin(name)} allow_connections false`;
        await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
      });
    }
  } finally {
    await served.stop();
    await admin.end();
  }
}

async function takeShot(
  browser: Browser,
  url: string,
  shot: Shot,
  slabId: string,
  disturb: () => Promise<void>,
): Promise<void> {
  const { name, theme, size = DESKTOP, fragment = () => "#/", before } = shot;
  const page = await browser.newPage({ viewport: size, colorScheme: theme, reducedMotion: "reduce" });
  await page.goto(`${url}/${fragment(slabId)}`);
  await page.getByText("Live", { exact: true }).waitFor();
  // Lists and charts are read after the page is there.
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
  await disturb();
  if (shot.state === "away") await page.getByText(/^Database away since/).waitFor();
  await before?.(page);
  const picture = shrinkPng(await page.screenshot());
  await page.close();
  const path = join(IMAGES, `console-${name}.png`);
  await writeFile(path, picture);
  console.log(`${path}: ${Math.round(picture.length / 1000)} kB`);
}

await main(process.argv.slice(2));
