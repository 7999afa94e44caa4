import { useEffect } from "preact/hooks";
import type { MaintenanceReport, RunReport } from "../openapi/reports.ts";
import { useConsole } from "../parts/context.ts";
import { RunButtons, RunFacts, RunProgress, RunState } from "../parts/run.tsx";
import { SlabLinks } from "../parts/slab-links.tsx";
import { Card, Empty, Loaded } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { type Report, useReport } from "../parts/use-report.ts";
import { clockTime, count, counted } from "../view/format.ts";
import { progressText, subjectOf } from "../view/run.ts";

/** The unfinished run (if there is none, the latest run) with its details, then a table of the runs before it. */
export function Runs() {
  const report = useReport<MaintenanceReport>("/runs?limit=20", 15_000);
  return (
    <Loaded report={report}>
      {({ run, affected, earlier }) =>
        run === null ? (
          <Card title="Maintenance">
            <Empty icon="wrench" title="No maintenance run yet">
              Start one from a host or a slab here, or by command:{" "}
              <code>slabmend maintenance start --help</code> lists the kinds.
            </Empty>
          </Card>
        ) : (
          <>
            <OneRun report={report} run={run} affected={affected} />
            <Earlier runs={earlier} />
          </>
        )
      }
    </Loaded>
  );
}

export function Run({ id }: { readonly id: string }) {
  const report = useReport<MaintenanceReport>(`/runs/${id}`, 15_000);
  return (
    <Loaded report={report}>
      {({ run, affected }) => <OneRun report={report} run={run!} affected={affected} />}
    </Loaded>
  );
}

/** The state of an unfinished run is taken from the loaded report or from the event stream, whichever is newer. */
function OneRun({
  report,
  run: read,
  affected,
}: {
  readonly report: Report<MaintenanceReport>;
  readonly run: RunReport;
  readonly affected: MaintenanceReport["affected"];
}) {
  const { status } = useConsole().live;
  const live = status?.maintenance;
  const isNewer = report.value !== undefined && status !== undefined && status.at > report.value.at;
  const run = isNewer && live?.id === read.id ? live : read;
  // The loaded data and the event stream both say which run is unfinished, if any. If they name different runs, or only
  // one of them names a run, the loaded data is outdated.
  const isOld = status !== undefined && (live?.id ?? null) !== (read.finishedAt === null ? read.id : null);
  const { again } = report;
  useEffect(() => {
    if (isOld) again();
  }, [isOld, again, live?.id]);
  return (
    <>
      <Card title={`Run ${run.id}`} aside={<RunButtons run={run} done={again} />}>
        <div class="gauges">
          <RunProgress run={run} />
          <RunFacts run={run} />
        </div>
      </Card>
      {affected === null || affected.sectors === 0 ? null : <Affected affected={affected} />}
    </>
  );
}

function Affected({ affected }: { readonly affected: NonNullable<MaintenanceReport["affected"]> }) {
  const { sectors, slabs, objects } = affected;
  return (
    <Card
      title="Affected slabs and objects"
      aside={`${counted(sectors, "sector")} denied and not served since`}
    >
      <dl class="pairs">
        <dt>Slabs</dt>
        <dd>
          <SlabLinks slabs={slabs} />
        </dd>
        <dt>Objects</dt>
        <dd>
          {objects.length === 0 ? (
            "none"
          ) : (
            <details>
              <summary>{`Show ${count(objects.length)}`}</summary>
              <ul class="mono small">
                {objects.map((key) => (
                  <li key={key} class="break">
                    {key}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </dd>
      </dl>
    </Card>
  );
}

function Earlier({ runs }: { readonly runs: readonly RunReport[] }) {
  const { nowMs } = useConsole();
  if (runs.length === 0) return null;
  return (
    <Card title="Earlier runs">
      <Table label="Earlier runs">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Kind</th>
            <th scope="col">Of</th>
            <th scope="col">State</th>
            <th scope="col">Progress</th>
            <th scope="col">Ended</th>
            <th scope="col">Started by</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <td>
                <a href={`#/runs/${run.id}`}>{run.id}</a>
              </td>
              <td>{run.kind}</td>
              <td>{subjectOf(run)}</td>
              <td>
                <RunState run={run} />
              </td>
              <td>{progressText(run)}</td>
              <td>{run.finishedAt === null ? "not yet" : clockTime(run.finishedAt, nowMs)}</td>
              <td>{run.owner}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}
