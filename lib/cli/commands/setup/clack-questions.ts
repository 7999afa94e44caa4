import type { Readable, Writable } from "node:stream";
import { isCancel, log, password, select, text } from "@clack/prompts";
import { Secret } from "../../../secret/secret.ts";
import type { OperatorIo } from "../../command/operator-io.ts";
import type { Questions } from "./questions.ts";

/** Asks at a terminal. All output goes to standard error, like the questions of every command. */
export function clackQuestions({ stdin, stderr, signal }: OperatorIo): Questions {
  const streams = { input: stdin as Readable, output: stderr as Writable, signal };
  const answered = <Answer>(answer: Answer): Exclude<Answer, symbol> => {
    // In raw mode Ctrl+C is a key, not a signal.
    if (isCancel(answer)) throw new DOMException("Ctrl+C", "AbortError");
    return answer as Exclude<Answer, symbol>;
  };
  return {
    async choose(message, choices) {
      const options = choices.map(({ value, label }) => ({ value: value as string, label }));
      return answered(await select({ message, options, ...streams })) as (typeof choices)[number]["value"];
    },
    async text(message, suggested) {
      const initial = suggested === undefined ? {} : { placeholder: suggested, defaultValue: suggested };
      return answered(await text({ message, ...initial, ...streams })).trim();
    },
    async hidden(message) {
      // The mask shows that input arrived, for example after pasting.
      return new Secret((answered(await password({ message, ...streams })) ?? "").trim());
    },
    tell(said) {
      log.message(said, { output: streams.output });
    },
    show(lines) {
      stderr.write(`${lines}\n`);
    },
  };
}
