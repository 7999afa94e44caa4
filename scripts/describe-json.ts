/** docs/json.md, made from the schemas of lib/reports: a test compares it with what is committed. */
import { toJsonSchema } from "@valibot/to-json-schema";
import { SCHEMA_VERSION } from "../lib/reports/fields.ts";
import { REPORTS, type ReportDescription } from "../lib/reports/report-schemas.ts";

type JsonSchema = ReturnType<typeof toJsonSchema>;
type Row = readonly [key: string, type: string, says: string];

export function describeJson(): string {
  return [
    "# What programs may read",
    "",
    "Documents that commands print with `--json` and that the HTTP API answers. Written by `npm run docs:json` from the schemas in",
    "`lib/reports`, which tests compare with what is printed.",
    "",
    "## What stays",
    "",
    `* Every document has \`schemaVersion\`, now ${SCHEMA_VERSION}. It is raised when a key is removed or changes its meaning, never within a`,
    "  minor release. New keys, and new values of what is not listed as a choice, may come at any time: ignore what you do not know.",
    "* Every key is always there. `null` means unknown or none, as the table says; it never means zero.",
    "* Times are ISO 8601 in UTC, by the database's clock. Durations say their unit in the key.",
    "* Integers that may exceed 2^53 are decimal strings: ids of 64 bits, hastings. Keys, roots and digests are 64 lower-case hex digits.",
    '* A failure is one line on standard error, `{"error":{"code","message","remedy","details"}}`; the codes are stable, the texts are not.',
    "",
    ...Object.entries(REPORTS).flatMap(([name, report]) => describeReport(name, report)),
  ].join("\n");
}

function describeReport(name: string, { command, path, says, schema }: ReportDescription): string[] {
  const from = [
    command === null ? [] : [`\`${command} --json\``],
    path === null ? [] : [`\`GET /api/v1${path}\``],
  ].flat();
  return [
    `## ${name}`,
    "",
    `${says} ${from.join(", ")}.`,
    "",
    "| key | type | means |",
    "|---|---|---|",
    ...rowsOf("", toJsonSchema(schema)).map(
      ([key, type, text]) => `| \`${key}\` | ${type} | ${escapeCell(text)} |`,
    ),
    "",
  ];
}

const escapeCell = (text: string): string => text.replaceAll("|", "\\|");

/** One row a key; keys of objects within follow their object. */
function rowsOf(prefix: string, schema: JsonSchema): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, given]): Row[] => {
    const { inner, isNullable } = withoutNull(given as JsonSchema);
    const element = inner.type === "array" ? withoutNull(inner.items as JsonSchema).inner : undefined;
    const path = `${prefix}${key}${element === undefined ? "" : "[]"}`;
    const type = `${typeOf(element ?? inner)}${isNullable ? " or null" : ""}`;
    return [
      [path, type, (given as JsonSchema).description ?? inner.description ?? ""],
      ...rowsOf(`${path}.`, element ?? inner),
    ];
  });
}

function withoutNull(schema: JsonSchema): { readonly inner: JsonSchema; readonly isNullable: boolean } {
  const choices = (schema.anyOf ?? []) as JsonSchema[];
  const inner = choices.find(({ type }) => type !== "null");
  return inner === undefined ? { inner: schema, isNullable: false } : { inner, isNullable: true };
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.format === "date-time") return "time";
  const values = schema.additionalProperties;
  if (schema.type === "object" && typeof values === "object")
    return `object of ${typeOf(values as JsonSchema)}`;
  return String(schema.type ?? "any");
}
