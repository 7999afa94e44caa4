import type { Upload } from "../../database/leases/uploads.ts";

/** Uploads not yet recorded in the database. */
export class UploadNotes {
  #open: readonly Upload[] = [];

  add(upload: Upload): void {
    this.#open = [...this.#open, upload];
  }

  /** Passes the pending uploads to `write`; they stay pending if `write` fails or returns false. */
  async tell(write: (uploads: readonly Upload[]) => Promise<boolean>): Promise<boolean> {
    const told = this.#open;
    const isWritten = await write(told);
    if (isWritten) this.#open = this.#open.filter((upload) => !told.includes(upload));
    return isWritten;
  }
}
