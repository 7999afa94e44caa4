import { writeFileSync } from "node:fs";
import { describeCommandLine } from "../lib/cli/describe-command-line.ts";

writeFileSync(new URL("../docs/command-line.md", import.meta.url), describeCommandLine());
