import type { ComponentChildren } from "preact";
import type { Problem } from "../api/request.ts";
import { capitalised } from "../view/attention-link.ts";
import type { IconName, Tone } from "../view/tone.ts";
import { Icon } from "./icon.tsx";
import type { Report } from "./use-report.ts";

export function Tag({ tone, icon, children }: { tone: Tone; icon?: IconName; children: ComponentChildren }) {
  return (
    <span class="tag" data-tone={tone}>
      {icon === undefined ? null : <Icon name={icon} />}
      {children}
    </span>
  );
}

export function Empty({
  icon = "empty",
  title,
  children,
}: {
  icon?: IconName;
  title: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty-state">
      <Icon name={icon} />
      <strong>{title}</strong>
      {children === undefined ? null : <p>{children}</p>}
    </div>
  );
}

export function ProblemNote({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <div class="notice" data-tone="warn" role="status">
      <Icon name="alert" />
      <div>
        <strong>{capitalised(problem.detail ?? problem.title)}</strong>
        {problem.remedy === null ? null : <p>{problem.remedy}</p>}
      </div>
      {again === undefined ? null : (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A report in its three states: loading, loaded, or failed (shown with the previously loaded data). */
export function Loaded<T>({
  report,
  children,
}: {
  report: Report<T>;
  children: (value: T) => ComponentChildren;
}) {
  return (
    <>
      {report.problem === undefined ? null : <ProblemNote problem={report.problem} again={report.again} />}
      {report.value !== undefined ? (
        children(report.value)
      ) : report.problem === undefined ? (
        <div class="skeleton" role="status" aria-label="Loading" />
      ) : null}
    </>
  );
}

export function Card({
  title,
  aside,
  class: name = "",
  children,
}: {
  title: string;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <section class={`card ${name}`} aria-label={title}>
      <div class="card-head">
        <h2>{title}</h2>
        {aside === undefined ? null : <div class="muted small">{aside}</div>}
      </div>
      {children}
    </section>
  );
}
