/**
 * Merges several texts of the Prometheus exposition format: a metric's HELP and TYPE may occur only once, followed by
 * all samples of the metric. Pure.
 */
export function mergeScrapes(texts: readonly string[]): string {
  const metrics = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let name = "";
    const isNew = new Set<string>();
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const comment = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (comment !== null) name = comment[1]!;
      const metric = metrics.get(name) ?? { head: [], samples: [] };
      if (!metrics.has(name)) isNew.add(name);
      metrics.set(name, metric);
      if (comment === null) metric.samples.push(line);
      else if (isNew.has(name)) metric.head.push(line);
    }
  }
  return [...metrics.values()].flatMap(({ head, samples }) => [...head, ...samples, ""]).join("\n");
}
