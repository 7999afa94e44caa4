/** How `setup` asks. An interface, so that tests can answer without a terminal. */
import type { Secret } from "../../../secret/secret.ts";

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
}

/** Every question rejects with an AbortError at Ctrl+C. */
export interface Questions {
  /** Enter alone chooses the first answer. */
  choose<Value extends string>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** @param suggested the answer if only Enter is pressed */
  text(message: string, suggested?: string): Promise<string>;
  /** The typed text is not shown. */
  hidden(message: string): Promise<Secret<string>>;
  tell(text: string): void;
  /** Prints lines for copying, without decoration. */
  show(text: string): void;
}
