import type { RunReport } from "../openapi/reports.ts";
import { capitalised } from "../view/attention-link.ts";
import { ago, clockTime } from "../view/format.ts";
import {
  coordinatorText,
  progressText,
  type RunRequest,
  requestsFor,
  shareDone,
  statisticsOf,
  subjectOf,
  toneOfRun,
} from "../view/run.ts";
import { useConsole } from "./context.ts";
import { Icon } from "./icon.tsx";
import { Tag } from "./states.tsx";

/** The progress of a run, as a bar and as text. */
export function RunProgress({ run }: { readonly run: RunReport }) {
  const share = shareDone(run);
  const text = progressText(run);
  return (
    <div class="gauge" data-tone={toneOfRun(run)}>
      <div class="gauge-head small">
        <span>{`${run.kind} ${subjectOf(run)}`}</span>
        <span>{text}</span>
      </div>
      <div
        class="track"
        role="progressbar"
        aria-label={`Progress of run ${run.id}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={text}
        {...(share === undefined ? {} : { "aria-valuenow": Math.floor(100 * share) })}
      >
        <i style={{ width: `${(share ?? 0) * 100}%` }} />
      </div>
    </div>
  );
}

export function RunState({ run }: { readonly run: RunReport }) {
  return (
    <Tag tone={toneOfRun(run)}>
      {run.state === "done" && run.hasFindings ? "done, with findings" : run.state}
    </Tag>
  );
}

const REQUESTS: Readonly<Record<RunRequest, { readonly label: string; readonly says: string }>> = {
  pause: { label: "Pause run", says: "It pauses after the current batch, until someone resumes it." },
  resume: { label: "Resume run", says: "It continues from its last checkpoint." },
  cancel: { label: "Cancel run", says: "It ends after the current batch. Its records stay." },
};

/** Actions for the run; each needs the token. */
export function RunButtons({ run, done }: { readonly run: RunReport; readonly done: () => void }) {
  const { ask } = useConsole();
  const requests = requestsFor(run.state);
  if (requests.length === 0) return null;
  return (
    <div class="buttons">
      {requests.map((request) => {
        const { label, says } = REQUESTS[request];
        const onClick = () =>
          ask({
            title: `${capitalised(request)} run ${run.id}?`,
            says,
            confirm: label,
            method: "POST",
            path: `/runs/${run.id}/${request}`,
            done,
          });
        return (
          <button key={request} type="button" class="button" onClick={onClick}>
            <Icon name={request === "pause" ? "pause" : request === "resume" ? "play" : "cross"} />
            {`${label}…`}
          </button>
        );
      })}
    </div>
  );
}

/** A button that starts a run for a host or a slab, and then opens the page of runs. */
export function StartRunButton({
  kind,
  of,
  body,
}: {
  readonly kind: "verify" | "drain";
  /** `host ab12cd…`, `slab 12` */
  readonly of: string;
  readonly body: { readonly hosts?: readonly string[]; readonly slab?: string };
}) {
  const { ask } = useConsole();
  const { label, says } = STARTS[kind];
  const onClick = () =>
    ask({
      title: `${label} ${of}?`,
      says,
      confirm: label,
      method: "POST",
      path: "/runs",
      body: () => ({ kind, ...body }),
      done: () => {
        location.hash = "#/runs";
      },
    });
  return (
    <button type="button" class="button" onClick={onClick}>
      <Icon name="wrench" />
      {`${label}…`}
    </button>
  );
}

const STARTS = {
  verify: {
    label: "Verify",
    says: "Asks the host of each sector for a proof of 64 bytes of that sector. Slabs with denied sectors are repaired.",
  },
  drain: {
    label: "Drain",
    says: "Copies all its sectors to other hosts, after more urgent repairs. Nothing new is stored on it meanwhile.",
  },
} as const;

/** A run's state, who started it, the process that executes it, its messages and statistics. */
export function RunFacts({ run }: { readonly run: RunReport }) {
  const { nowMs } = useConsole();
  const { error, finishedAt, says } = run;
  const statistics = statisticsOf(run.statistics);
  return (
    <>
      {error === null ? null : (
        <div class="notice" data-tone="danger">
          <Icon name="alert" />
          <div>
            <strong>{capitalised(error.message)}</strong>
            <p>{error.remedy}</p>
          </div>
        </div>
      )}
      <dl class="pairs">
        <dt>State</dt>
        <dd>
          <RunState run={run} />
        </dd>
        <dt>Started</dt>
        <dd>{`${ago(run.startedAt, nowMs)} by ${run.owner}`}</dd>
        {finishedAt === null ? (
          <>
            <dt>Executed by</dt>
            <dd>{coordinatorText(run, nowMs)}</dd>
          </>
        ) : (
          <>
            <dt>Ended</dt>
            <dd>{clockTime(finishedAt, nowMs)}</dd>
          </>
        )}
      </dl>
      {says.length === 0 ? null : (
        <ul class="says" aria-label="Results">
          {says.map((line) => (
            <li key={line} class="break">
              {line}
            </li>
          ))}
        </ul>
      )}
      {statistics.length === 0 ? null : (
        <details>
          <summary>Statistics</summary>
          <dl class="pairs">
            {statistics.map(([name, value]) => [
              <dt key={`${name}-t`}>{name}</dt>,
              <dd key={name}>{value}</dd>,
            ])}
          </dl>
        </details>
      )}
    </>
  );
}
