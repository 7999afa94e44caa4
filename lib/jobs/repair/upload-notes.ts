import type { Upload } from "../../database/leases/uploads.ts";

/** Uploads that the database has not been told of. */
export class UploadNotes {
  #open: readonly Upload[] = [];

  add(upload: Upload): void {
    this.#open = [...this.#open, upload];
  }

  /** Hands over what is open; it stays so when `write` fails or answers false. */
  async tell(write: (uploads: readonly Upload[]) => Promise<boolean>): Promise<boolean> {
    const told = this.#open;
    const isWritten = await write(told);
    if (isWritten) this.#open = this.#open.filter((upload) => !told.includes(upload));
    return isWritten;
  }
}
