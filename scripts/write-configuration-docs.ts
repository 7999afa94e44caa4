import { writeFileSync } from "node:fs";
import { describeVariables } from "../lib/config/describe-variables.ts";

writeFileSync(new URL("../docs/configuration.md", import.meta.url), describeVariables());
