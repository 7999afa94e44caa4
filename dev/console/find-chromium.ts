import { constants } from "node:fs";
import { access } from "node:fs/promises";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * The path of Chromium: SLABMEND_CHROMIUM, or the first of the usual places that has it.
 * @throws if there is none
 */
export async function findChromium(): Promise<string> {
  const found = await lookForChromium();
  if (found !== undefined) return found;
  throw new Error(
    `no Chromium at ${PLACES.join(", ")}: run scripts/install-chromium.sh, or set SLABMEND_CHROMIUM`,
  );
}

/** The path of Chromium, or undefined if there is none. */
export async function lookForChromium(): Promise<string | undefined> {
  const { SLABMEND_CHROMIUM: chosen } = process.env;
  for (const path of chosen === undefined || chosen === "" ? PLACES : [chosen]) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}
