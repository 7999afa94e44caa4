/** Sets variables in the text of a variables file and keeps the rest: comments, order and other variables. Pure. */
import { isDeepStrictEqual, parseEnv } from "node:util";
import { OperatorError } from "../../../errors/operator-error.ts";

type Changes = Readonly<Record<string, string>>;

/**
 * @param path for the message only
 * @throws {OperatorError} `variables-file-unfit` if the edited text would not parse to the expected values; the message
 * contains no value
 */
export function editVariables(text: string, changes: Changes, path: string): string {
  let edited = text;
  for (const [name, value] of Object.entries(changes)) edited = setVariable(edited, name, quote(value));
  const expected = { ...parseEnv(text), ...changes };
  if (isDeepStrictEqual({ ...parseEnv(edited) }, expected)) return edited;
  throw new OperatorError({
    code: "variables-file-unfit",
    message: `${path}: expected a file of NAME=value lines in which ${Object.keys(changes).join(" and ")} can be set, got one that would be misread after the change`,
    remedy:
      "Nothing was written. Look for unbalanced quotes in the file, or choose another file with --file.",
  });
}

function setVariable(text: string, name: string, quoted: string): string {
  const line = `${name}=${quoted}`;
  // A quoted value may span lines. If a name occurs several times, the last one counts, so every occurrence is set.
  const there = new RegExp(
    `^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=[ \\t]*(?:"[^"]*"|'[^']*'|\`[^\`]*\`|)[^\\r\\n]*`,
    "gm",
  );
  if (there.test(text)) return text.replace(there, () => line);
  const end = text === "" || text.endsWith("\n") ? "" : "\n";
  return `${text}${end}${line}\n`;
}

function quote(value: string): string {
  if (/^[^\s#'"`\\]+$/.test(value)) return value;
  const mark = ["'", '"', "`"].find((candidate) => !value.includes(candidate)) ?? "'";
  return `${mark}${value}${mark}`;
}
