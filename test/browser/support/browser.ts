import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { lookForChromium } from "../../../dev/console/find-chromium.ts";

const path = await lookForChromium();
const isRequired = process.env["CI"] === "true" || process.env["SLABMEND_BROWSER_REQUIRED"] === "true";
if (path === undefined && isRequired)
  throw new Error("no Chromium: run scripts/install-chromium.sh, or set SLABMEND_CHROMIUM");

/** Why the tests cannot run; undefined if they can. */
export const skipReason = path === undefined ? "no Chromium: run scripts/install-chromium.sh" : undefined;

export interface OpenedPage {
  readonly page: Page;
  /**
   * The browser's requests. If the answer is the page or one of its files, `bytes` is its uncompressed size; otherwise
   * 0.
   */
  readonly requests: { readonly url: string; readonly bytes: number }[];
  /** Errors and warnings of the page and its console, including violations of the content policy. */
  readonly complaints: string[];
}

/** One Chromium for the test file. */
export function useBrowser(): {
  open(url: string, options?: BrowserContextOptions): Promise<OpenedPage>;
} {
  let browser: Browser;
  beforeAll(async () => {
    if (path !== undefined) browser = await chromium.launch({ executablePath: path, args: ["--no-sandbox"] });
  });
  afterAll(async () => await browser?.close());
  return {
    async open(url, options = {}) {
      const context = await browser.newContext({ reducedMotion: "reduce", ...options });
      const page = await context.newPage();
      const requests: OpenedPage["requests"] = [];
      const complaints: string[] = [];
      page.on("response", async (response) => {
        const isFile = /^\/(assets\/.*)?$/.test(new URL(response.url()).pathname);
        const body = isFile ? await response.body().catch(() => undefined) : undefined;
        requests.push({ url: response.url(), bytes: body?.length ?? 0 });
      });
      page.on("requestfailed", (request) => requests.push({ url: request.url(), bytes: 0 }));
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
      });
      await page.goto(url);
      return { page, requests, complaints };
    },
  };
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Fails for problems that axe rates serious or critical. */
export async function expectAccessible(page: Page): Promise<void> {
  // Loads axe through the debugger, because the page's policy allows no foreign script.
  await page.evaluate(await readFile(AXE, "utf8"));
  const violations = (await page.evaluate(
    `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => id + ": " + nodes.map(({ html, failureSummary }) => html.slice(0, 160) + " " + failureSummary).join(" | ")))`,
  )) as string[];
  expect(violations).toEqual([]);
}
