import { writeFileSync } from "node:fs";
import { describeJson } from "./describe-json.ts";

writeFileSync(new URL("../docs/json.md", import.meta.url), describeJson());
