import { duration } from "../../../reports/duration.ts";
import type { StatusReport } from "../../../reports/status-schema.ts";
import { bytes, siacoins, table, wrapped } from "../../command/quantities.ts";

/** The column where values begin. */
const INDENT = 14;

/** Renders the status for people, within 80 columns. Problems come first. */
export function renderStatus(report: StatusReport): string {
  const { leases, today, sentence, attention } = report;
  const paid = siacoins(BigInt(today.paid.hastings));
  return [
    ...wrapped(sentence.text, 2),
    ...attention.flatMap(({ says, remedy }) => [
      ...wrapped(`! ${says}`, 2),
      ...(remedy === null ? [] : wrapped(`  ${remedy}`, 2)),
    ]),
    "",
    ...line("at", report.at),
    ...line(
      "last",
      `walk ${ago(report.walk.ageSeconds)}, claim ${ago(report.claim.ageSeconds)}, reap ${ago(report.reap.ageSeconds)}`,
    ),
    ...line("slabs", describeSlabs(report)),
    ...describeMargins(report),
    ...line(
      "leases",
      `${leases.running} running, ${leases.sent} sent, ${leases.unsent} unsent${leases.oldestSeconds === null ? "" : `, oldest ${duration(leases.oldestSeconds)}`}`,
    ),
    ...line("throughput", describeThroughput(report)),
    ...line("last hour", describeOutcomes(report.lastHour)),
    ...line(
      "today (UTC)",
      `${today.repairs} repairs, ${today.sectorsCopied} sectors copied and ${today.sectorsRebuilt} rebuilt, ${bytes(today.bytesRead)} read, ${bytes(today.bytesWritten)} written`,
    ),
    ...line("cost today", `${paid} to hosts, ${duration(today.workerSeconds)} of work`),
    ...describeChecks(report),
    ...describeMaintenance(report),
    ...line("indexd", describeIndexd(report)),
    ...line("events", `${report.eventsToBump} slabs whose objects' events are not bumped yet`),
  ].join("\n");
}

const line = (name: string, value: string): string[] => wrapped(name.padEnd(INDENT) + value, INDENT);

const ago = (seconds: number | null): string => (seconds === null ? "never" : `${duration(seconds)} ago`);

function describeSlabs({ slabs, walk }: StatusReport): string {
  const total =
    slabs.total === null
      ? ""
      : `${slabs.totalIsExact ? "" : "about "}${slabs.total.toLocaleString("en-US")} in all, `;
  if (slabs.unhealthy === null) return `${total}number of unhealthy slabs unknown: no walk yet`;
  const partly = walk.at === null ? " so far" : "";
  if (slabs.unhealthy === 0) return `${total}none unhealthy`;
  return `${total}${slabs.unhealthy} unhealthy${partly}: ${slabs.ready} ready, ${slabs.waiting} waiting; ${slabs.inDanger} in danger`;
}

function describeMargins({ margins, slabs }: StatusReport): string[] {
  if (margins.length === 0 || slabs.unhealthy === null) return [];
  return table([
    ["  margin", "ready", "waiting", "in danger"],
    ...margins.map(({ margin, ready, waiting, inDanger }) => [margin, ready, waiting, inDanger]),
  ]);
}

function describeThroughput({ throughput }: StatusReport): string {
  const { finishedInTenMinutes: finished, secondsLeft } = throughput;
  const left =
    secondsLeft === null ? "" : `; about ${duration(secondsLeft)} left for the ready slabs at this rate`;
  return `${finished} slabs finished in the last 10 min${left}`;
}

function describeOutcomes(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
  return entries.length === 0
    ? "nothing ended"
    : entries.map(([name, count]) => `${count} ${name}`).join(", ");
}

/** Empty if slabmend made no due check in the last 24 hours. */
function describeChecks({ checks }: StatusReport): string[] {
  const { confirmed, denied, wrongData, unanswered, silentHosts, behindSeconds } = checks;
  if (confirmed + denied + wrongData + unanswered === 0) return [];
  return line(
    "due checks",
    `${confirmed} confirmed, ${denied} denied and ${wrongData + unanswered} inconclusive in 24 h; the oldest has been due for ${duration(behindSeconds)}, ${silentHosts} silent hosts skipped`,
  );
}

function describeMaintenance({ maintenance: run }: StatusReport): string[] {
  if (run === null) return [];
  const { id, kind, state, progress } = run;
  const done = progress === null ? "" : `, ${progress.done} of ${progress.total} ${progress.unit}`;
  return line("maintenance", `run ${id} (${kind}) ${state}${done}; details: slabmend maintenance status`);
}

function describeIndexd({ indexd }: StatusReport): string {
  const oldest =
    indexd.oldestUnpinnedSeconds === null ? "" : `, the oldest for ${duration(indexd.oldestUnpinnedSeconds)}`;
  return `last scan of a host ${ago(indexd.lastScanAgeSeconds)}; ${indexd.unpinnedSectors} sectors to pin${oldest}`;
}
