/**
 * Writes docs/images/console-*.png: pictures of the console in Chromium. The console shows a playground, and commands
 * to this playground bring it into the state of each picture. All repairs in the pictures were made by `slabmend serve`
 * on real hosts. Takes about ten minutes and 7 GB of disk.
 *
 *   node scripts/write-screenshots.ts [FOLDER]      default: docs/images
 *
 * Needs Chromium (scripts/install-chromium.sh). Uses this machine's fonts: with Inter installed the pictures look as in
 * the README.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { findChromium } from "../dev/console/find-chromium.ts";
import { type DrivenPlayground, drivePlayground } from "../dev/playground/drive-playground.ts";
import { hostIdentity } from "../dev/swarm/host-identity.ts";
import type { SlabsReport } from "../lib/reports/slabs-schema.ts";
import { shrinkPng } from "./write-screenshots/shrink-png.ts";

const [images = fileURLToPath(new URL("../docs/images/", import.meta.url))] = process.argv.slice(2);
const DESKTOP = { width: 1280, height: 1040 };
/** Memory with the workers. */
const TALL = { width: 1280, height: 1280 };
const SHORT = { width: 1280, height: 720 };
const PHONE = { width: 390, height: 844 };
/**
 * How long a picture may wait for its state: passes over all bad sectors begin a minute apart, and a repair from slow
 * hosts takes another minute.
 */
const LIMIT_MS = 300_000;

/** A playground with a typical erasure code, and with more hosts than this code needs. */
const WORLD = [
  "--slabs",
  "20",
  "--hosts",
  "48",
  "--min-shards",
  "10",
  "--total-shards",
  "30",
  "--workers",
  "2",
];
const EMPTY_WORLD = ["--slabs", "0", "--hosts", "12"];
const SEED = ["--seed", "pictures"];

interface Shot {
  readonly theme: "light" | "dark";
  readonly fragment?: string;
  readonly size?: { readonly width: number; readonly height: number };
  /** Called when the page's lists have loaded: brings the page into the state that the picture must show. */
  readonly shows?: (page: Page) => Promise<void>;
}

/** A playground, and a function that takes a picture of its console. */
interface Scene {
  readonly playground: DrivenPlayground;
  read<Report>(path: string): Promise<Report>;
  shoot(name: string, shot: Shot): Promise<void>;
  /** Waits until the console shows this sentence. */
  until(sentence: RegExp): Promise<void>;
}

const browser = await chromium.launch({ executablePath: await findChromium(), args: ["--no-sandbox"] });
try {
  await mkdir(images, { recursive: true });
  await withScene(EMPTY_WORLD, async ({ shoot, until }) => {
    await until(/^indexd has no slabs/);
    await shoot("empty", { theme: "light" });
  });
  await withScene(WORLD, async (scene) => {
    await shootHealthy(scene);
    await shootAway(scene);
    await shootDanger(scene);
    await shootRuns(scene);
  });
  // A new playground, because a repaired slab is skipped for an hour.
  await withScene(WORLD, shootBreaker);
} finally {
  await browser.close();
}

async function withScene(world: readonly string[], take: (scene: Scene) => Promise<void>): Promise<void> {
  const playground = drivePlayground([...world, ...SEED], process.env);
  try {
    const [, url] = await playground.sees(/^Its console: (http:\/\/\S+)\/#token=/m);
    await take({
      playground,
      read: async <Report>(path: string) => (await (await fetch(`${url}/api/v1${path}`)).json()) as Report,
      shoot: (name, shot) => takeShot(url!, name, shot),
      async until(sentence) {
        const page = await browser.newPage();
        await page.goto(url!);
        await page.locator(".headline").filter({ hasText: sentence }).waitFor({ timeout: LIMIT_MS });
        await page.close();
      },
    });
  } finally {
    playground.type("quit");
    await playground.ended;
  }
}

/** Some hosts have lost sectors, and all damaged slabs have been repaired. */
async function shootHealthy({ playground, shoot, until }: Scene): Promise<void> {
  await until(/^All 20 slabs are safe/);
  await playground.command("lose 0-9", /^host 9 has lost/m);
  await playground.sees(/^slab \d+: repaired/m);
  await until(/^All 20 slabs are safe/);
  await shoot("healthy", { theme: "light" });
}

async function shootAway({ playground, shoot, until }: Scene): Promise<void> {
  await shoot("away", {
    theme: "light",
    async shows(page) {
      await playground.command("away", /^the database has stopped answering/m);
      await page.getByText(/^Database unreachable since/).waitFor({ timeout: LIMIT_MS });
    },
  });
  await playground.command("back", /^the database answers/m);
  await until(/^All 20 slabs are safe/);
}

/** More than half of the hosts lose their sectors; all have a high latency, so that repairs take a while. */
async function shootDanger({ playground, read, shoot, until }: Scene): Promise<void> {
  await playground.command("slow 0-47", /^host 47 answers/m);
  // Three sectors each time.
  for (let times = 0; times < 5; times += 1) await playground.command("lose 0-26", /^host 26 has lost/m);
  await until(/^\d+ slabs are in danger/);
  const atWork = (page: Page) =>
    page.getByRole("img", { name: "Phase transfer" }).first().waitFor({ timeout: LIMIT_MS });
  await shoot("danger", { theme: "light", size: TALL, shows: atWork });
  await shoot("danger-dark", { theme: "dark", size: TALL });
  await shoot("phone", { theme: "light", size: PHONE });
  const { slabs } = await read<SlabsReport>("/slabs?limit=1");
  await shoot("slab", { theme: "light", fragment: `#/slabs/${slabs[0]!.id}` });
}

/** Two verifications: of a host that has all sectors, and of a host that denies some. */
async function shootRuns({ playground, shoot }: Scene): Promise<void> {
  const verify = (host: number) =>
    playground.command(
      `slabmend maintenance start verify --host ${hostIdentity("pictures", host).hostKey}`,
      /^run \d+: verify, done/m,
    );
  await playground.command("heal 0-47", /^host 47 is healthy/m);
  await verify(40);
  await playground.command("forget 41", /^host 41 says/m);
  await verify(41);
  await shoot("runs", { theme: "light", fragment: "#/runs", size: SHORT });
  await shoot("phone-dark", { theme: "dark", fragment: "#/runs", size: PHONE });
}

/** Sectors must move, and no host has space. */
async function shootBreaker({ playground, shoot, until }: Scene): Promise<void> {
  await playground.command("fill 0-47", /^host 47 has no space/m);
  await playground.command("block 0-7", /^indexd has blocked host 7/m);
  await until(/the circuit breaker is open/);
  await shoot("breaker", { theme: "light" });
  await shoot("hosts", {
    theme: "dark",
    fragment: "#/hosts",
    size: SHORT,
    async shows(page) {
      await page.getByRole("option").last().click();
      await page.mouse.move(0, 0);
    },
  });
}

async function takeShot(url: string, name: string, shot: Shot): Promise<void> {
  const { theme, fragment = "#/", size = DESKTOP, shows } = shot;
  const page = await browser.newPage({ viewport: size, colorScheme: theme, reducedMotion: "reduce" });
  await page.goto(`${url}/${fragment}`);
  await page.getByText("Live", { exact: true }).waitFor();
  const span = page.getByLabel("Time span of throughput and cost");
  if (fragment === "#/") await span.selectOption("last hour");
  // Lists and charts are loaded after the page.
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
  await shows?.(page);
  const picture = shrinkPng(await page.screenshot());
  await page.close();
  const path = join(images, `console-${name}.png`);
  await writeFile(path, picture);
  console.log(`${path}: ${Math.round(picture.length / 1000)} kB`);
}
