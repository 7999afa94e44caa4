import { inspect } from "node:util";

const REDACTED = "[secret]";

/**
 * A value that no log, error or message can show: printing, inspecting, joining or serialising it gives a placeholder.
 * Reveal it only where it is used, and do not pass the revealed value on.
 */
export class Secret<Value extends string | Uint8Array> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
    Object.freeze(this);
  }

  reveal(): Value {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
