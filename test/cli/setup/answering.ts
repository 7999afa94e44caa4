/** Answers `setup` in a test without a terminal: one entry per question, in order. */

import type { Questions } from "../../../lib/cli/commands/setup/questions.ts";
import { Secret } from "../../../lib/secret/secret.ts";
import { recordTrace } from "../../canary/recorder.ts";
import { rememberPhrase } from "../../canary/remember-phrase.ts";
import { rememberVariables } from "../../canary/remember-variables.ts";

/** A part of the question, and the answer; a function is called when the question is asked. */
export type Answer = readonly [question: string, answer: string | (() => string | Promise<string>)];

export const ctrlC = (): never => {
  throw new DOMException("Ctrl+C", "AbortError");
};

export interface Answering extends Questions {
  /** Everything that was shown. */
  said(): string;
  /** Unused answers. */
  readonly left: Answer[];
}

export function answering(answers: readonly Answer[]): Answering {
  const left = [...answers];
  let said = "";
  const say = (text: string): void => {
    said += `${text}\n`;
    recordTrace("what setup says", text);
  };
  const next = async (message: string): Promise<string> => {
    say(message);
    const [question, answer] = left.shift() ?? [];
    if (question === undefined || !message.includes(question)) {
      throw new Error(`expected the question "${question}", got "${message}" after:\n${said}`);
    }
    return typeof answer === "function" ? await answer() : answer!;
  };
  return {
    left,
    said: () => said,
    async choose(message, choices) {
      const answer = await next(message);
      const choice = choices.find(({ value }) => value === answer);
      if (choice === undefined) {
        throw new Error(`${message}: expected ${answer} among ${choices.map(({ value }) => value)}`);
      }
      return choice.value;
    },
    text: async (message, suggested) => (await next(message)) || (suggested ?? ""),
    async hidden(message) {
      const answer = await next(message);
      rememberPhrase(answer);
      if (answer.startsWith("postgres")) rememberVariables([["SLABMEND_DATABASE_URL", answer]]);
      if (/^[0-9a-f]{60,}$/.test(answer)) rememberVariables([["SLABMEND_MIGRATION_SEED", answer]]);
      return new Secret(answer);
    },
    tell: say,
    show: say,
  };
}
