/** What each of our errors carries. */
export interface ErrorFacts<Code extends string = string> {
  /** Stable and machine-readable; tests and alarms match on it. */
  readonly code: Code;
  /** One sentence that names what is wrong, what was expected and what was found. Never contains a secret. */
  readonly message: string;
  /** What the reader can do about it. */
  readonly remedy: string;
  /** The ids involved: slab, root, host. Never keys or tokens. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}

/**
 * The base of every typed error. Each area extends it with its own union of codes, so that a `switch` over `code` is
 * checked by the compiler. Any other error is a bug, or comes from a library.
 */
export class SlabmendError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly remedy: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  constructor(facts: ErrorFacts<Code>) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = facts.code;
    this.remedy = facts.remedy;
    this.details = facts.details ?? {};
  }
}
