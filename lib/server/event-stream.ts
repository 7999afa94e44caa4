/**
 * The event stream for open consoles. All clients share one read of the database every few seconds; without clients the
 * database is not read. A client that does not read is dropped before many events for it wait in memory.
 *
 *   (no client) --add--> ticking --last client gone--> (no client)
 */
import type { ServerResponse } from "node:http";
import type { Clock } from "../clock/clock.ts";
import type { StatusReport } from "../reports/status-schema.ts";
import { problemOf } from "./problem.ts";
import type { WorkersReport } from "./workers-report.ts";

export interface EventStreamOptions {
  readonly clock: Clock;
  readonly readStatus: () => Promise<StatusReport>;
  readonly readWorkers: () => Promise<WorkersReport>;
}

const EVERY_MS = 3_000;
/** Maximum number of bytes that wait for one client, not counting the kernel's buffers. */
const MOST_WAITING_BYTES = 256 * 1_024;
export const MOST_STREAMS = 250;
const RETRY_MS = 2_000;

interface Away {
  readonly code: string;
  readonly since: string;
}

export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #clients = new Set<ServerResponse>();
  /** The last event of each kind, for clients that connect between ticks. */
  readonly #last = new Map<string, Buffer>();
  #away: Away | undefined;
  #isReading = false;
  #cancel: (() => void) | undefined;
  #dropped = 0;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Clients dropped because they did not read. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param response with its head already written */
  add(response: ServerResponse): void {
    this.#clients.add(response);
    response.on("close", () => this.#remove(response));
    response.on("error", () => this.#remove(response));
    this.#write(response, Buffer.from(`retry: ${RETRY_MS}\n\n`));
    for (const frame of this.#last.values()) this.#write(response, frame);
    if (this.#cancel === undefined) this.#tick();
  }

  close(): void {
    this.#cancel?.();
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }

  #remove(response: ServerResponse): void {
    this.#clients.delete(response);
    if (this.#clients.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
    // The next client may connect much later, when these events would be out of date.
    this.#last.clear();
  }

  #tick(): void {
    this.#cancel = this.#options.clock.after(EVERY_MS, () => this.#tick());
    void this.#sendWorkers();
    if (!this.#isReading) void this.#sendStatus();
  }

  async #sendWorkers(): Promise<void> {
    try {
      this.#broadcast("workers", await this.#options.readWorkers());
    } catch {
      // The next tick tries again; a console that receives no events tells its user.
    }
  }

  async #sendStatus(): Promise<void> {
    this.#isReading = true;
    try {
      const status = await this.#options.readStatus();
      if (this.#away !== undefined || !this.#last.has("database")) {
        this.#away = undefined;
        this.#broadcast("database", { schemaVersion: 1, away: false, since: null, code: null });
      }
      this.#broadcast("status", status);
    } catch (error) {
      const { code } = problemOf(error);
      const since = this.#away?.since ?? new Date(this.#options.clock.now()).toISOString();
      this.#away = { code, since };
      this.#last.delete("status");
      this.#broadcast("database", { schemaVersion: 1, away: true, since, code });
    } finally {
      this.#isReading = false;
    }
  }

  #broadcast(name: string, data: object): void {
    if (this.#clients.size === 0) return;
    const frame = Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    this.#last.set(name, frame);
    for (const client of this.#clients) this.#write(client, frame);
  }

  #write(client: ServerResponse, frame: Buffer): void {
    if (client.destroyed) return;
    if (client.writableLength + frame.length > MOST_WAITING_BYTES) {
      this.#dropped += 1;
      client.destroy();
      return;
    }
    client.write(frame);
  }
}
