/** A refused request: the status and the text of the body. */
export class AppApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "AppApiError";
    this.status = status;
  }
}
