import type { ComponentChildren } from "preact";
import type { StatusReport } from "../openapi/reports.ts";
import type { Connection } from "../view/connection.ts";
import { sentenceOf } from "../view/sentence.ts";
import type { IconName, Tone } from "../view/tone.ts";
import { useConsole } from "./context.ts";
import { Icon } from "./icon.tsx";
import { Indexers } from "./indexers.tsx";
import { Themes } from "./themes.tsx";

const VIEWS: readonly (readonly [string, string, IconName])[] = [
  ["overview", "Overview", "overview"],
  ["slabs", "Slabs", "slabs"],
  ["hosts", "Hosts", "hosts"],
  ["workers", "Workers", "workers"],
  ["journal", "Journal", "journal"],
  ["runs", "Runs", "wrench"],
  ["attention", "Attention", "bell"],
];

export function Frame({
  view,
  title,
  children,
}: {
  view: string;
  title: ComponentChildren;
  children: ComponentChildren;
}) {
  const { live } = useConsole();
  return (
    <div class="frame">
      <a class="button skip" href="#view" onClick={focusView}>
        Skip to the content
      </a>
      <header class="rail">
        <a class="brand" href="#/">
          <Mark />
          <span>slabmend</span>
        </a>
        <Indexers />
        <nav aria-label="Views">
          <div class="views">
            {VIEWS.map(([name, label, icon]) => (
              <a
                key={name}
                href={name === "overview" ? "#/" : `#/${name}`}
                aria-current={name === view ? "page" : undefined}
              >
                <Icon name={icon} />
                <span>{label}</span>
                <Count view={name} status={live.status} />
              </a>
            ))}
          </div>
        </nav>
        <div class="rail-end">
          <Themes />
        </div>
      </header>
      <main class="main" id="view" tabIndex={-1} data-stale={isStale(live.connection)}>
        <div class="bar">
          <h1>{title}</h1>
          <div class="end">
            <LinkState connection={live.connection} />
            {live.status === undefined ? null : <ModeButton status={live.status} />}
          </div>
        </div>
        {view === "overview" ? null : <Banner />}
        {children}
      </main>
    </div>
  );
}

/** Moves the focus by script: following the link would change the fragment of the address, which selects the page. */
function focusView(event: Event) {
  event.preventDefault();
  document.getElementById("view")?.focus();
}

/** The logo: a ring of shards, one of them being put back. */
function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <g fill="none" stroke="var(--accent)" stroke-width="5">
        <circle cx="16" cy="16" r="11" stroke-dasharray="9.2 2.32" transform="rotate(-64 16 16)" />
      </g>
      <circle cx="16" cy="5" r="3.6" fill="var(--warn)" stroke="var(--paper)" stroke-width="2" />
    </svg>
  );
}

function Count({ view, status }: { readonly view: string; readonly status: StatusReport | undefined }) {
  if (status === undefined) return null;
  const [number, tone, what]: [number, Tone, string] =
    view === "slabs"
      ? [status.slabs.inDanger ?? 0, "danger", "in danger"]
      : view === "attention"
        ? [status.deadLetters + status.quarantined, "warn", "need attention"]
        : [0, "quiet", ""];
  if (number === 0) return null;
  return (
    <span class="count" data-tone={tone}>
      {number > 99 ? "99+" : number}
      <span class="visually-hidden">{` ${what}`}</span>
    </span>
  );
}

const LINKS: Readonly<Record<Connection["state"], readonly [Tone, string]>> = {
  connecting: ["quiet", "Connecting"],
  live: ["good", "Live"],
  away: ["warn", "Database away"],
  lost: ["danger", "Connection lost"],
};

function LinkState({ connection }: { readonly connection: Connection }) {
  const [tone, text] = LINKS[connection.state];
  return (
    <span class="link-state" data-tone={tone}>
      <span class="dot" />
      {text}
    </span>
  );
}

const isStale = ({ state }: Connection): boolean => state === "away" || state === "lost";

/** Warns that the shown data is outdated. The overview has no banner, because its summary sentence says the same. */
function Banner() {
  const { live, nowMs } = useConsole();
  if (!isStale(live.connection)) return null;
  const sentence = sentenceOf(live.connection, live.status, { nowMs, offsetMs: live.clockOffsetMs })!;
  return (
    <div class="banner" data-tone={sentence.tone} role="alert">
      <Icon name={sentence.icon} />
      <p>
        <strong>{sentence.text}</strong>
        {`: ${sentence.facts.at(-1)}`}
      </p>
    </div>
  );
}

function ModeButton({ status }: { readonly status: StatusReport }) {
  const { ask } = useConsole();
  const isPaused = status.mode.kind === "paused" || status.mode.kind === "suspended";
  if (status.mode.kind === "maintenance" || status.mode.kind === "deleting") return null;
  const onClick = () =>
    ask({
      title: isPaused ? "Resume repairs?" : "Pause repairs?",
      says: isPaused
        ? `${status.mode.kind === "paused" ? "Paused" : "Suspended"}${status.mode.owner === null ? "" : ` by ${status.mode.owner}`}: ${status.mode.reason ?? "no reason given"}.`
        : "No slab is leased until someone resumes. Running repairs are finished.",
      confirm: isPaused ? "Resume" : "Pause",
      ...(isPaused ? {} : { reasonLabel: "Reason, shown to others" }),
      method: "PUT",
      path: "/mode",
      body: (reason) => (isPaused ? { kind: "running", reason: null } : { kind: "paused", reason }),
      done: () => undefined,
    });
  return (
    <button type="button" class="button" onClick={onClick}>
      <Icon name={isPaused ? "play" : "pause"} />
      {isPaused ? "Resume…" : "Pause…"}
    </button>
  );
}
