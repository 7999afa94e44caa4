import { pathOf } from "../view/indexer.ts";
import { chosenIndexer } from "./indexers.ts";

/** A problem document (RFC 9457) from the server, or a substitute if no server answered. */
export interface Problem {
  /** HTTP status; 0: no answer. */
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string | null;
  readonly remedy: string | null;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

const NO_ANSWER: Problem = {
  status: 0,
  code: "no-answer",
  title: "The server does not answer",
  detail: null,
  remedy: "Check that slabmend serve runs. The console retries automatically.",
};

/** Longer than the server's own timeout for its database. */
const TIMEOUT_MS = 20_000;

/**
 * Sends a request to a path below /api/v1. Never throws; an aborted request is a problem with code `aborted`, which is
 * not shown.
 */
export async function request<T>(
  path: string,
  { method = "GET", body, token, signal }: RequestOptions = {},
): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(`/api/v1${pathOf(path, chosenIndexer())}`, {
      method,
      headers,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      cache: "no-store",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const value: unknown = response.status === 204 ? null : await response.json().catch(() => null);
    return response.ok
      ? { ok: true, value: value as T }
      : { ok: false, problem: problemOf(response.status, value) };
  } catch {
    return { ok: false, problem: signal?.aborted === true ? { ...NO_ANSWER, code: "aborted" } : NO_ANSWER };
  }
}

interface RequestOptions {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  readonly body?: unknown;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

function problemOf(status: number, value: unknown): Problem {
  const fields = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const text = (key: string) => (typeof fields[key] === "string" ? (fields[key] as string) : null);
  return {
    status,
    code: text("code") ?? `http-${status}`,
    title: text("title") ?? `The server answered ${status}`,
    detail: text("detail"),
    remedy: text("remedy"),
  };
}
