import type { WorkersReport } from "../openapi/reports.ts";
import { capitalised } from "../view/attention-link.ts";
import { ago, counted, duration, secondsSince } from "../view/format.ts";
import { stepsOf } from "../view/phases.ts";
import { useConsole } from "./context.ts";
import { Empty, Tag } from "./states.tsx";

type Serve = NonNullable<WorkersReport["serve"]>;
type Worker = Serve["workers"][number];

/** The jobs and workers of this server, each worker with its running repairs. */
export function WorkerCards() {
  const { live } = useConsole();
  if (live.workers === undefined) return <div class="skeleton" role="status" aria-label="Loading" />;
  const { serve } = live.workers;
  if (serve === null) {
    return (
      <Empty icon="workers" title="This server's supervisor is silent">
        It is starting, or it has ended. Other machines and functions may still work: see the journal.
      </Empty>
    );
  }
  return (
    <ul class="workers">
      {serve.workers.map((worker) => (
        <OneWorker key={worker.name} worker={worker} />
      ))}
      <OneJob name="claim" job={serve.claim} />
      <OneJob name="reap" job={serve.reap} />
    </ul>
  );
}

function OneJob({ name, job }: { readonly name: string; readonly job: Serve["claim"] }) {
  const { nowMs } = useConsole();
  return (
    <li class="worker">
      <header>
        <h3>{name}</h3>
        {job.trouble !== null ? (
          <Tag tone="danger" icon="alert">
            fails
          </Tag>
        ) : (
          <Tag tone={job.endedAt === null ? "quiet" : "good"}>
            {job.endedAt === null ? "not yet" : "works"}
          </Tag>
        )}
      </header>
      <p class="muted small">
        {job.endedAt === null ? "never succeeded" : `succeeded ${ago(job.endedAt, nowMs)}`}
        {job.failures > 0 ? `, ${counted(job.failures, "failure")} since` : ""}
        {job.stopped === null ? "" : `, ${job.stopped}`}
      </p>
      {job.trouble === null ? null : (
        <p class="small">
          {capitalised(job.trouble.message)} {job.trouble.remedy}
        </p>
      )}
    </li>
  );
}

function OneWorker({ worker }: { readonly worker: Worker }) {
  const { nowMs } = useConsole();
  const { name, repairs, startedAt, restarts, crashLoopingSince, lastExit } = worker;
  return (
    <li class="worker">
      <header>
        <h3>{capitalised(name)}</h3>
        {crashLoopingSince !== null ? (
          <Tag tone="danger" icon="alert">
            keeps crashing
          </Tag>
        ) : (
          <Tag tone={repairs.length > 0 ? "good" : "quiet"}>{repairs.length > 0 ? "repairs" : "idle"}</Tag>
        )}
      </header>
      <p class="muted small">
        {startedAt === null ? "starts with the next repair" : `started ${ago(startedAt, nowMs)}`}
        {restarts > 0 ? `, ${counted(restarts, "restart")}` : ""}
        {lastExit === null ? "" : `, last ended by ${lastExit}`}
      </p>
      {repairs.map((repair) => (
        <div key={repair.slabId}>
          <div class="gauge-head small">
            <a href={`#/slabs/${repair.slabId}`}>{`slab ${repair.slabId}`}</a>
            <span class="muted">{`${repair.phase}, ${duration(secondsSince(repair.startedAt, nowMs))}`}</span>
          </div>
          <div class="phases" role="img" aria-label={`Phase ${repair.phase}`}>
            {stepsOf(repair.phase).map((step) => (
              <i key={step.name} data-state={step.state} title={step.name} />
            ))}
          </div>
        </div>
      ))}
    </li>
  );
}
