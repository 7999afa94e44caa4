/** Messages between the supervising process and the HTTP process. No message contains the migration seed. */
import type { HostRules } from "./access/request-source.ts";
import type { ConsoleFile } from "./console-files.ts";
import type { SupervisorHealth } from "./workers-report.ts";

export interface HttpSettings {
  readonly listen: { readonly host: string; readonly port: number };
  readonly hosts: HostRules;
  readonly token: string;
  readonly passwordHash: string | null;
  readonly owner: string;
  readonly files: ReadonlyMap<string, ConsoleFile>;
  readonly policy: Readonly<Record<string, readonly string[]>>;
}

/** What the HTTP process needs to query one indexer's database. */
export interface HttpIndexer {
  readonly name: string;
  readonly databaseUrl: string;
  /** PEM. */
  readonly authorities: string | undefined;
  readonly acceptedVersion: number | undefined;
  readonly queueUrl: string | undefined;
}

export type ToHttp =
  | { readonly kind: "settings"; readonly settings: HttpSettings }
  /** All current indexers. */
  | { readonly kind: "indexers"; readonly indexers: readonly HttpIndexer[] }
  | { readonly kind: "health"; readonly health: SupervisorHealth }
  /** The metrics for a scrape. */
  | { readonly kind: "scraped"; readonly text: string };

export type FromHttp =
  | { readonly kind: "scrape" }
  | { readonly kind: "listening"; readonly port: number }
  /** The server could not listen. */
  | { readonly kind: "failed"; readonly code: string };
