/** Describes a failed request as a problem document of RFC 9457. */
import { STATUS_CODES } from "node:http";
import * as v from "valibot";
import type { ExitReason } from "../cli/command/exit-codes.ts";
import { describeFailure } from "../cli/command/report-failure.ts";
import { ServerError } from "./server-error.ts";

export const problemSchema = v.object({
  type: v.pipe(v.string(), v.description("urn:slabmend:problem:CODE")),
  title: v.pipe(v.string(), v.description("the status's name")),
  status: v.pipe(v.number(), v.integer()),
  detail: v.pipe(
    v.string(),
    v.description("what was expected and what was received; the text is not stable"),
  ),
  code: v.pipe(v.string(), v.description("stable")),
  expected: v.nullable(v.string()),
  got: v.nullable(v.string()),
  remedy: v.nullable(v.pipe(v.string(), v.description("what to do about it"))),
});

export type Problem = v.InferOutput<typeof problemSchema>;

export const PROBLEM_TYPE = "application/problem+json";

const STATUS_OF_EXIT: Readonly<Record<ExitReason, number>> = {
  done: 500,
  unexpected: 500,
  usage: 400,
  input: 400,
  database: 503,
  refused: 409,
  findings: 500,
  aws: 502,
  interrupted: 503,
};
const NOT_FOUND: ReadonlySet<string> = new Set([
  "no-such-slab",
  "no-such-host",
  "no-such-object",
  "not-quarantined",
  "no-such-dead-letter",
  "no-run",
]);
const NEVER = new AbortController().signal;

/** The problem does not contain the message of an unexpected error, because that message may contain secrets. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ServerError) {
    const { status, code, message, expected, got, remedy } = error;
    return problem(status, { code, detail: message, expected, got, remedy });
  }
  const refused = refusedByFramework(error);
  if (refused !== undefined) return refused;
  const { exit, code, message, remedy } = describeFailure(error, NEVER);
  const status = NOT_FOUND.has(code) ? 404 : STATUS_OF_EXIT[exit];
  const isUnexpected = exit === "unexpected";
  return problem(status, {
    code,
    detail: isUnexpected ? "the request: expected an answer, got an unexpected failure" : message,
    remedy: isUnexpected ? "This is a bug: please report it with the log of serve." : remedy,
  });
}

interface Facts {
  readonly code: string;
  readonly detail: string;
  readonly expected?: string | null;
  readonly got?: string | null;
  readonly remedy: string | null;
}

function problem(status: number, { code, detail, expected, got, remedy }: Facts): Problem {
  return {
    type: `urn:slabmend:problem:${code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    code,
    expected: expected ?? null,
    got: got ?? null,
    remedy,
  };
}

const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  404: "not-found",
  413: "too-large",
  415: "not-json",
  429: "too-many-requests",
};

/**
 * Returns the problem if fastify or a plugin refused the request because of its body, URL or rate; otherwise undefined.
 */
function refusedByFramework(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  const { statusCode, message } = error;
  if (typeof statusCode !== "number" || statusCode < 400 || statusCode > 499) return undefined;
  const remedy = statusCode === 429 ? "Wait for the time in the header Retry-After." : "Correct the request.";
  return problem(statusCode, {
    code: CODE_OF_STATUS[statusCode] ?? "bad-request",
    detail: message,
    remedy,
  });
}
