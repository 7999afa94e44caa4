import { SlabmendError } from "../errors/slabmend-error.ts";

/** Thrown for a cursor that this list did not issue. */
export class MalformedCursorError extends SlabmendError<"malformed-cursor"> {
  constructor(got: string) {
    super({
      code: "malformed-cursor",
      message: `cursor: expected the value of next from an earlier page, got ${JSON.stringify(got.slice(0, 80))}`,
      remedy: "Start again at the first page, without a cursor.",
    });
  }
}
