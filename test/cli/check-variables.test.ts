import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkVariables } from "../../lib/cli/commands/doctor/check-variables.ts";

test("doctor knows the settings of stages too, because operators also give doctor the file .env.STAGE", () => {
  const deployment = readFileSync(new URL("../../docs/deployment.md", import.meta.url), "utf8");
  const settings = Object.fromEntries(
    [...deployment.matchAll(/^\| `(SLABMEND_\w+)` +\| [^|]+ \| [^|]+ \| (?:`(.+)` *|[^|]+) \|$/gm)].map(
      ([, name = "", fallback = "x"]) => [name, fallback],
    ),
  );
  expect(settings).toHaveProperty("SLABMEND_ALARM_EMAIL");
  expect(checkVariables(settings)).toMatchObject([{ level: "ok" }]);
});

test("doctor warns of an unknown variable", () => {
  expect(checkVariables({ SLABMEND_VPCS: "new", SLABMEND_REPAIR_FUNCTION: "f" })).toMatchObject([
    { level: "warning", says: "unknown: SLABMEND_VPCS" },
  ]);
});
