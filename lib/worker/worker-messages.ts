/** What a worker's process and its parent tell each other. Ids as text: messages between processes are JSON. */
export interface RepairOrder {
  readonly slabId: string;
  readonly digest: string;
  readonly token: string;
  /** Names this one repair. */
  readonly id: string;
  readonly remainingMs: number;
}

export type WorkerReport =
  | { readonly kind: "ready" }
  /** The repair ended, however it did; what it wrote is in the database. */
  | { readonly kind: "ended"; readonly outcome: string }
  /** It never began: the database was away. */
  | { readonly kind: "not-begun"; readonly code: string };
