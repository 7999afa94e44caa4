/** A request that is refused: the status, and the words that go into the body. */
export class AppApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "AppApiError";
    this.status = status;
  }
}
