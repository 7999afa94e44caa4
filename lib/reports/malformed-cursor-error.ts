import { SlabmendError } from "../errors/slabmend-error.ts";

/** Thrown when a cursor from outside is not one that this list gave out. */
export class MalformedCursorError extends SlabmendError<"malformed-cursor"> {
  constructor(got: string) {
    super({
      code: "malformed-cursor",
      message: `cursor: expected what an earlier page gave as next, got ${JSON.stringify(got.slice(0, 80))}`,
      remedy: "Begin at the first page, without a cursor.",
    });
  }
}
