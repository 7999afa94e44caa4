/** What `setup` asks. An interface, so that a test answers without a terminal. */
import type { Secret } from "../../../secret/secret.ts";

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
}

/** Every question rejects with an AbortError at Ctrl+C. */
export interface Questions {
  /** The first one is chosen by Enter alone. */
  choose<Value extends string>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** @param suggested what Enter alone answers */
  text(message: string, suggested?: string): Promise<string>;
  /** What is typed is not shown. */
  hidden(message: string): Promise<Secret<string>>;
  tell(text: string): void;
  /** Lines to be copied: printed as they are. */
  show(text: string): void;
}
