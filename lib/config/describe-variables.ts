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
    return `| \`${name}\` | ${variable.readBy.join(", ")} | ${variable.purpose} | ${variable.expected} | ${fallback} |`;
  });
  return [
    "# Configuration",
    "",
    "The environment variables of the functions; nothing else is read. All problems are reported together when an",
    "environment starts. Written by `npm run docs:configuration` from `lib/config/variables.ts`.",
    "",
    "| variable | read by | purpose | expected | default |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
