/**
 * Reads a function's partial batch response (ReportBatchItemFailures) as Lambda does: it lists the failed messages of a
 * batch. If the response is malformed, all messages of the batch count as failed, so that none is deleted by mistake.
 */
export type BatchVerdict =
  | { readonly kind: "some-failed"; readonly failed: ReadonlySet<string> }
  | { readonly kind: "all-failed"; readonly why: string };

const NONE_FAILED: BatchVerdict = { kind: "some-failed", failed: new Set() };

export function readBatchResponse(payload: string, messageIds: readonly string[]): BatchVerdict {
  const response: unknown = JSON.parse(payload);
  // null, {} and a null list mean success.
  if (response === null) return NONE_FAILED;
  if (typeof response !== "object") return { kind: "all-failed", why: "the response is not an object" };
  const list = (response as { batchItemFailures?: unknown }).batchItemFailures ?? null;
  if (list === null) return NONE_FAILED;
  if (!Array.isArray(list)) return { kind: "all-failed", why: "batchItemFailures is not a list" };
  const failed = new Set<string>();
  for (const item of list as unknown[]) {
    const id =
      typeof item === "object" && item !== null
        ? (item as { itemIdentifier?: unknown }).itemIdentifier
        : undefined;
    if (typeof id !== "string" || id === "")
      return { kind: "all-failed", why: "an item has no itemIdentifier" };
    if (!messageIds.includes(id)) return { kind: "all-failed", why: "an itemIdentifier is not in the batch" };
    failed.add(id);
  }
  return { kind: "some-failed", failed };
}
