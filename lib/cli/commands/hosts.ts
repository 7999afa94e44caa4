import { readHostsReport } from "../../reports/hosts.ts";
import type { HostReport, HostsReport } from "../../reports/hosts-schema.ts";
import { DEFAULT_WORKER_SETTINGS } from "../../worker/worker-settings.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { withDatabase } from "../command/open-database.ts";
import { bytes, table } from "../command/quantities.ts";

export function addHosts(host: CommandHost): void {
  host.program
    .command("hosts")
    .description("list indexd's hosts: which may take sectors, why others may not, and how they perform")
    .option("--problems", "only hosts that may not take sectors, fail often or are out of funds")
    .addHelpText(
      "after",
      `
Candidates come first, those with the fewest failures and the highest speed at the top. Workers measure speed and
failures; a measurement loses its weight within hours. --json adds every address, contract sizes and whether prices are current.`,
    )
    .action(
      action<{ problems?: boolean }>(host, async (context, { problems }) => {
        const { maxUnpinnedPerHost } = DEFAULT_WORKER_SETTINGS;
        const report = await withDatabase(context, { needs: "store" }, (ask) =>
          readHostsReport(ask, { maxUnpinnedPerHost }),
        );
        const shown = problems === true ? { ...report, hosts: report.hosts.filter(hasProblem) } : report;
        context.print(shown, renderHosts(shown));
        return "done";
      }),
    );
}

/** A good host fails some requests too, because of bad lines and restarts, but at most one in ten. */
const FAILS_OFTEN = 0.1;

const hasProblem = ({ isCandidate, score }: HostReport): boolean =>
  !isCandidate || (score !== null && (score.failureRate > FAILS_OFTEN || score.outOfFunds));

function renderHosts({ total, good, candidates, hosts }: HostsReport): string {
  const summary = `${total} hosts, ${good} good, ${candidates} may take sectors`;
  if (hosts.length === 0) return summary;
  return [
    summary,
    ...table([
      ["host", "reads", "writes", "fails", "unpinned", "address", "why not a candidate"],
      ...hosts.map(({ hostKey, score, unpinnedSectors, addresses, why }) => [
        hostKey.slice(0, 12),
        rate(score?.readBytesPerSecond),
        rate(score?.writeBytesPerSecond),
        score === null ? "-" : `${Math.round(score.failureRate * 100)} %`,
        unpinnedSectors,
        addresses[0] ?? "-",
        [...why, ...(score?.outOfFunds === true ? ["out-of-funds"] : [])].join(", "),
      ]),
    ]),
  ].join("\n");
}

const rate = (bytesPerSecond: number | null | undefined): string =>
  bytesPerSecond == null ? "-" : `${bytes(Math.round(bytesPerSecond))}/s`;
