/** The endpoints of a test run. */
import { describe, type TestContext, test } from "vitest";
import { type Emulator, FAUXQS, LOCALSTACK, MINISTACK } from "./emulators.ts";
import type { AwsEndpoint } from "./endpoint.ts";
import { EMULATOR_CREDENTIALS } from "./endpoint.ts";

const { AWS_ENDPOINT_URL: givenUrl, SLABMEND_EMULATORS_REQUIRED: required } = process.env;

/**
 * If AWS_ENDPOINT_URL is set, only the endpoint at this URL, with the environment's credentials and region. Otherwise
 * every emulator.
 */
export function chosenEndpoints(): readonly Emulator[] {
  if (givenUrl === undefined || givenUrl === "") return [FAUXQS, MINISTACK, LOCALSTACK];
  return [{ name: "AWS_ENDPOINT_URL", start: () => givenEndpoint(givenUrl) }];
}

async function givenEndpoint(url: string): Promise<AwsEndpoint> {
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  const given = AWS_ACCESS_KEY_ID &&
    AWS_SECRET_ACCESS_KEY && {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
    };
  const isAuthorizingMiniStack = await checksAsMiniStack(url);
  return {
    name: "AWS_ENDPOINT_URL",
    isPinned: false,
    url,
    region: AWS_REGION || "us-east-1",
    credentials: given || EMULATOR_CREDENTIALS,
    checksPermissions: isAuthorizingMiniStack,
    hasBatchRights: isAuthorizingMiniStack,
    log: [],
    async stop() {},
  };
}

/** Detects a MiniStack that was started with AUTH=true. */
async function checksAsMiniStack(url: string): Promise<boolean> {
  const answer = await fetch(new URL("/_ministack/health", url)).catch(() => undefined);
  return (await answer?.text())?.includes('"auth": "enabled"') ?? false;
}

/**
 * Defines a group of tests per endpoint. If an emulator is not installed, its group is a single test that says so: the
 * test fails with SLABMEND_EMULATORS_REQUIRED=true, and is skipped otherwise.
 */
export function describeEndpoints(
  emulators: readonly Emulator[],
  define: (start: () => Promise<AwsEndpoint>) => void,
): void {
  for (const emulator of emulators) {
    describe(emulator.name, () => {
      if (emulator.missing === undefined) define(() => emulator.start());
      else test("is installed", (context) => skipMissing(context, emulator.missing));
    });
  }
}

function skipMissing(context: TestContext, why = ""): void {
  if (required === "true") throw new Error(why);
  context.skip(why);
}
