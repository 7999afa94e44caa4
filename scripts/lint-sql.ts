/** Lints the SQL files below lib by the rules in scripts/lint-sql/rules.ts. Exits with 1 if a file breaks a rule. */
import { globSync, readFileSync } from "node:fs";
import { readFunctions } from "./lint-sql/read-functions.ts";
import { lintFunction } from "./lint-sql/rules.ts";

const root = new URL("..", import.meta.url).pathname;
/** Names from `referencing old table as …` in 0001-baseline.sql. */
const TRANSITION_TABLES = new Set(["ended"]);

const findings = globSync("lib/**/*.sql", { cwd: root })
  .sort()
  .flatMap((path) =>
    readFunctions(readFileSync(`${root}${path}`, "utf8"))
      .flatMap((fn) => lintFunction(fn, TRANSITION_TABLES))
      .map(({ line, rule, message }) => `${path}:${line} ${rule}: ${message}`),
  );
for (const finding of findings) console.error(finding);
if (findings.length > 0) process.exitCode = 1;
