/** Records every SlabmendError, even if it is never thrown, and every error that a test inspects. */
import { inspect } from "node:util";
import { chai } from "vitest";
import { SlabmendError } from "../../lib/errors/slabmend-error.ts";
import { recordOnce } from "./recorder.ts";

type Base = new (...args: unknown[]) => Error;
interface Subject {
  readonly object: unknown;
}

/** Call it once. */
export function watchErrors(): void {
  // `super(…)` in SlabmendError will call this constructor instead of Error's; the instances' prototypes stay the same.
  const RecordingError = new Proxy(Error, {
    construct(target, args, newTarget) {
      const error = Reflect.construct(target, args, newTarget) as Error;
      // The error is recorded later, when its constructors have finished.
      queueMicrotask(() => recordError(error));
      return error;
    },
  });
  Object.setPrototypeOf(SlabmendError as unknown as Base, RecordingError);
  chai.use(watchExpectations);
}

/** Deeper chains of causes are bugs. */
const MOST_CAUSES = 8;

/** Everything that printing the error would show, except the frames of its stack. */
function describeError(error: unknown, depth = 0): string {
  const printed = (value: unknown): string =>
    inspect(value, { depth: 4, maxStringLength: null, maxArrayLength: null, breakLength: 1_000 });
  if (!(error instanceof Error)) return printed(error);
  const { stack, message, cause, errors, ...properties } = error as Error & { errors?: unknown };
  const causes = [cause, ...(Array.isArray(errors) ? errors : [])].filter((one) => one !== undefined);
  const [heading] = (stack ?? "").split(/\n\s+at /, 1);
  const own = [error.name, message, heading, printed(properties)];
  return [...own, ...causes.map((one) => (depth < MOST_CAUSES ? describeError(one, depth + 1) : ""))].join(
    "\n",
  );
}

function recordError(error: Error): void {
  recordOnce(`error ${error.name}`, describeError(error));
}

/** Matchers with which a test can inspect an error. */
const MATCHERS = ["toMatchObject", "toBeInstanceOf", "toEqual", "toStrictEqual", "toHaveProperty"];

const watchExpectations: Parameters<typeof chai.use>[0] = (
  { Assertion },
  { flag, overwriteMethod, overwriteProperty },
) => {
  const look = (value: unknown): void => {
    if (value instanceof Error) recordError(value);
  };
  overwriteProperty(Assertion.prototype, "rejects", (original: (this: Subject) => unknown) => {
    return function (this: Subject) {
      const subject: unknown = flag(this, "object");
      const promise: unknown = typeof subject === "function" ? subject() : subject;
      if (promise instanceof Promise) promise.catch(look);
      flag(this, "object", promise);
      return original.call(this);
    };
  });
  for (const matcher of ["toThrow", "toThrowError"]) {
    overwriteMethod(Assertion.prototype, matcher, (original: (...args: unknown[]) => unknown) => {
      return function (this: Subject, ...args: unknown[]) {
        const subject: unknown = flag(this, "object");
        look(subject);
        if (typeof subject === "function") {
          flag(this, "object", () => {
            try {
              return subject();
            } catch (error) {
              look(error);
              throw error;
            }
          });
        }
        return original.apply(this, args);
      };
    });
  }
  for (const matcher of MATCHERS) {
    overwriteMethod(Assertion.prototype, matcher, (original: (...args: unknown[]) => unknown) => {
      return function (this: Subject, ...args: unknown[]) {
        look(flag(this, "object"));
        return original.apply(this, args);
      };
    });
  }
};
