/**
 * Waits until every promise has ended, then throws the first failure. `Promise.all` would go on while the others still
 * write into buffers that are about to be given back.
 */
export async function settleAll<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
