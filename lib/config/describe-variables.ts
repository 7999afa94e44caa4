import { VARIABLES, type Variable } from "./variables.ts";

/** docs/configuration.md, generated: a test compares it with what is committed. */
export function describeVariables(): string {
  const rows = Object.entries(VARIABLES).map(([name, variable]: [string, Variable<unknown>]) => {
    const required = variable.secret === true ? "required, secret" : "required";
    const fallback =
      variable.fallback === undefined
        ? required
        : variable.fallback === ""
          ? "empty"
          : `\`${variable.fallback}\``;
    return `| \`${name}\` | ${variable.readBy.join(", ") || "serve"} | ${variable.purpose} | ${variable.expected} | ${fallback} |`;
  });
  return [
    "# Configuration",
    "",
    "The environment variables of the functions, which `work` and `serve` read too, but for those of queues that they do not use.",
    "All problems are reported together at the start. Written by `npm run docs:configuration` from `lib/config/variables.ts`.",
    "",
    "| variable | read by | purpose | expected | default |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
