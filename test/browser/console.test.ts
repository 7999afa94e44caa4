import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedFleet } from "../../dev/console/seed-fleet.ts";
import { type ServedConsole, serveConsole } from "../../dev/console/serve-console.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../../dev/demo/database-proxy.ts";
import { saveRun, startRun, takeRun } from "../../lib/database/runs/maintenance-runs.ts";
import { useDatabase } from "../support/database.ts";
import { expectAccessible, skipReason, useBrowser } from "./support/browser.ts";

const { sql, url } = useDatabase();
const { open } = useBrowser();
let served: ServedConsole;
let proxy: DatabaseProxy;
let worst: string;

beforeAll(async () => {
  const { slabs } = await seedFleet(sql, { hosts: 60, slabs: 80 });
  worst = String(slabs[4]!.id);
  proxy = await startDatabaseProxy(url);
  served = await serveConsole(proxy.url, [worst]);
  await endRun(await beginRun(), { passed: 30, confirmed: 28, denied: 2 });
});
afterAll(async () => {
  await served?.stop();
  await proxy?.stop();
});

/** Begins a run as a coordinator does, and keeps its lease. */
async function beginRun() {
  await startRun(sql, { kind: "verify", scope: { of: "slab", slab: worst, sectors: 30 }, owner: "ann@host" });
  return (await takeRun(sql, { coordinator: "host/1", leaseMs: 300_000 }))!;
}
const progress = (lease: Awaited<ReturnType<typeof beginRun>>, statistics: object) =>
  saveRun(sql, lease, 300_000, { statistics });
const endRun = (
  lease: Awaited<ReturnType<typeof beginRun>>,
  statistics: object,
  state: "done" | "cancelled" = "done",
) => saveRun(sql, lease, 300_000, { statistics, end: { state } });

const VIEWS = ["", "#/slabs", "#/slabs/WORST", "#/hosts", "#/workers", "#/journal", "#/runs", "#/attention"];
const at = (fragment: string) => `${served.url}/${fragment.replace("WORST", worst)}`;

describe.skipIf(skipReason !== undefined)("the console", () => {
  test("the console loads in less than 200 kB, contacts no other host, and violates no content policy", async () => {
    const { page, requests, complaints } = await open(at(""));
    await page.getByRole("heading", { name: "Throughput and cost" }).waitFor();
    await page.locator(".skeleton").first().waitFor({ state: "detached" });
    for (const view of VIEWS) {
      await page.goto(at(view));
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
    }
    expect(complaints).toEqual([]);
    expect(requests.map((request) => new URL(request.url).origin)).toEqual(requests.map(() => served.url));
    const first = new Map(requests.map((request) => [request.url, request.bytes]));
    const files = [...first].filter(([path]) => path.includes("/assets/") || path === `${served.url}/`);
    expect(files.length).toBeGreaterThanOrEqual(3);
    const weight = files.reduce((sum, [, bytes]) => sum + bytes, 0);
    expect(weight).toBeGreaterThan(50_000);
    expect(weight).toBeLessThan(200_000);
    await page.context().close();
  });

  for (const colorScheme of ["light", "dark"] as const) {
    for (const viewport of [
      { width: 1280, height: 900 },
      { width: 360, height: 740 },
    ]) {
      test(`axe finds no serious accessibility problem in any view, ${colorScheme}, ${viewport.width} px wide`, async () => {
        const { page } = await open(at(""), { colorScheme, viewport });
        for (const view of VIEWS) {
          await page.goto(at(view));
          await page.locator(".skeleton").first().waitFor({ state: "detached" });
          await expectAccessible(page);
          const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          expect(overflow, `${view} is wider than the screen`).toBeLessThanOrEqual(0);
        }
        await page.context().close();
      });
    }
  }

  test("a user can get from the status sentence to a shard by keyboard", async () => {
    const { page } = await open(at(""));
    await page.locator(".headline").waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toContain("Skip");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("view");
    const column = page.getByRole("link", { name: /^Margin 2:/ });
    await column.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Unhealthy slabs" }).waitFor();
    await page.getByRole("link", { name: worst, exact: true }).press("Enter");
    const shard = page.getByRole("option", { name: /^Shard 0:/ });
    await shard.focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toMatch(/^Shard 1:/);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toMatch(/^Shard 29:/);
    await page.getByRole("heading", { name: /^Shard 29/ }).waitFor();
    await page.context().close();
  });

  test("the arrow keys move through the matrix of hosts and show the details of the focused host", async () => {
    const { page } = await open(at("#/hosts"));
    const cells = page.getByRole("listbox", { name: /hosts/ }).getByRole("option");
    await cells.first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.locator(".tooltip").waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Its repairs" }).waitFor();
    await page.keyboard.press("End");
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toContain("blocked");
    await page.context().close();
  });

  test("a pause needs a reason and the token, is confirmed, and is visible at once", async () => {
    const { page } = await open(at(""));
    await page.getByRole("button", { name: "Pause…" }).click();
    await page.getByLabel(/^Reason/).fill("the disk is being replaced");
    await page.getByLabel(/^Token/).fill("not-the-token");
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("dialog").getByText("expected Bearer and the token").waitFor();
    const [running] = await sql<{ mode: string }[]>`select mode from slabmend.fleet`;
    expect(running!.mode).toBe("running");
    await page.getByLabel(/^Token/).fill(served.token);
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByText("the disk is being replaced").first().waitFor();
    const [paused] = await sql<
      { mode: string; mode_reason: string }[]
    >`select mode, mode_reason from slabmend.fleet`;
    expect(paused).toEqual({ mode: "paused", mode_reason: "the disk is being replaced" });
    // The tab has stored the token, so the dialog does not ask for it again.
    await page.getByRole("button", { name: "Resume…" }).click();
    expect(await page.getByLabel(/^Token/).count()).toBe(0);
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await page.getByRole("button", { name: "Pause…" }).waitFor();
    await page.context().close();
  });

  test("a maintenance run is shown while it runs, and can be paused, resumed and cancelled with the token", async () => {
    const lease = await beginRun();
    const { page } = await open(at("#/runs"));
    const bar = page.getByRole("progressbar");
    const shows = (text: string) => bar.and(page.locator(`[aria-valuetext="${text}"]`)).waitFor();
    await shows("0 of 30 sectors (0 %)");
    await page.getByText(/^host\/1, heartbeat/).waitFor();
    await progress(lease, { passed: 12, confirmed: 12 });
    await shows("12 of 30 sectors (40 %)");
    await expectAccessible(page);
    const states = async () =>
      (await sql`select state from slabmend.runs order by id desc limit 1`)[0]!["state"];
    const ask = async (button: string, confirm: string) => {
      await page.getByRole("button", { name: button, exact: true }).click();
      const dialog = page.getByRole("dialog");
      // On a busy machine the dialog appears late, and `count` does not wait for it.
      await dialog.getByRole("button", { name: confirm, exact: true }).waitFor();
      if ((await dialog.getByLabel(/^Token/).count()) > 0)
        await dialog.getByLabel(/^Token/).fill(served.token);
      await dialog.getByRole("button", { name: confirm, exact: true }).click();
      await dialog.waitFor({ state: "detached" });
    };
    const card = page.getByRole("region", { name: `Run ${lease.run.id}` });
    await ask("Pause run…", "Pause run");
    expect(await states()).toBe("paused");
    await ask("Resume run…", "Resume run");
    expect(await states()).toBe("running");
    await ask("Cancel run…", "Cancel run");
    expect(await states()).toBe("cancelling");
    await card.getByText("cancelling", { exact: true }).waitFor();
    await endRun(lease, { passed: 12, confirmed: 12 }, "cancelled");
    await card.getByText("cancelled", { exact: true }).waitFor();
    expect(await card.getByRole("button").count()).toBe(0);
    await page.getByRole("link", { name: "1", exact: true }).click();
    await page.getByText("done, with findings").waitFor();
    await page.getByText("hosts proved a leaf of 28 sectors and denied 2 sectors").waitFor();
    await page.context().close();
  });

  test("a verification started from a slab's page is shown as the operator's run", async () => {
    const { page } = await open(at("#/slabs/WORST"));
    await page.getByRole("button", { name: "Verify…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/^Token/).fill(served.token);
    await dialog.getByRole("button", { name: "Verify", exact: true }).click();
    const card = page.getByRole("region", { name: /^Run \d+$/ });
    await card.getByText("verify", { exact: false }).first().waitFor();
    expect(page.url()).toBe(at("#/runs"));
    const [run] =
      await sql`select kind, scope->>'slab' as slab, state from slabmend.runs order by id desc limit 1`;
    expect(run).toEqual({ kind: "verify", slab: worst, state: "running" });
    await sql`update slabmend.runs set state = 'cancelled', finished_at = now() where finished_at is null`;
    await page.context().close();
  });

  test("a token in the address is stored and removed from the address", async () => {
    const { page } = await open(at(`#token=${served.token}`));
    await page.locator(".headline").waitFor();
    expect(page.url()).toBe(`${served.url}/`);
    await page.goto(at("#/attention"));
    await page.getByRole("button", { name: /^Release slab/ }).click();
    await page.getByRole("button", { name: "Release", exact: true }).click();
    await page.getByText("No slab is in quarantine").waitFor();
    await page.context().close();
  });

  test("the console says since when the database is unreachable, and is live again when the database recovers", async () => {
    const { page } = await open(at(""));
    await page.getByText("9 slabs are in danger").waitFor();
    proxy.fallSilent();
    await page.getByText(/^Database unreachable since \d\d:\d\d$/).waitFor({ timeout: 45_000 });
    await page.getByText(/shows the state at .*: 9 slabs are in danger/).waitFor();
    await expectAccessible(page);
    proxy.recover();
    await page.getByText("Live", { exact: true }).waitFor({ timeout: 45_000 });
    await page.locator(".headline").filter({ hasText: "9 slabs are in danger" }).waitFor();
    await page.context().close();
  }, 110_000);

  test("the console says that the server has ended, and continues with a new server at the same address", async () => {
    const other = await serveConsole(proxy.url);
    const { page } = await open(other.url);
    await page.getByText("Live", { exact: true }).waitFor();
    await other.stop();
    await page.getByText(/^Connection lost at/).waitFor();
    const again = await serveConsole(proxy.url, [], Number(new URL(other.url).port));
    await page.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
    await again.stop();
    await page.context().close();
  });
});
