/** What the process that supervises and the one that serves HTTP tell each other. The migration seed is in none of it. */
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

/** What it needs to ask one indexer's database. */
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
  /** All that there are now. */
  | { readonly kind: "indexers"; readonly indexers: readonly HttpIndexer[] }
  | { readonly kind: "health"; readonly health: SupervisorHealth }
  /** What a scrape gets, as asked for. */
  | { readonly kind: "scraped"; readonly text: string };

export type FromHttp =
  | { readonly kind: "scrape" }
  | { readonly kind: "listening"; readonly port: number }
  /** It could not listen. */
  | { readonly kind: "failed"; readonly code: string };
