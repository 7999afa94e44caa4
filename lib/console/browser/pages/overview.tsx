import { useState } from "preact/hooks";
import type { StatusReport, ThroughputReport } from "../openapi/reports.ts";
import { Chart } from "../parts/chart.tsx";
import { useConsole } from "../parts/context.ts";
import { Histogram } from "../parts/histogram.tsx";
import { Icon } from "../parts/icon.tsx";
import { RunProgress } from "../parts/run.tsx";
import { Card, Empty, Loaded, Tag } from "../parts/states.tsx";
import { useReport } from "../parts/use-report.ts";
import { WorkerCards } from "../parts/workers.tsx";
import { capitalised, linkOfAttention, toneOfAttention } from "../view/attention-link.ts";
import { gaugesOf } from "../view/budget.ts";
import { bytes, count, counted, duration, figure, siacoins } from "../view/format.ts";
import { toneOfOutcome } from "../view/outcome.ts";
import { type Sentence, sentenceOf } from "../view/sentence.ts";
import { seriesOf } from "../view/series.ts";

export function Overview() {
  const { live, nowMs } = useConsole();
  const { status, connection } = live;
  const sentence = sentenceOf(connection, status, { nowMs, offsetMs: live.clockOffsetMs });
  if (sentence === undefined) return <div class="skeleton" role="status" aria-label="Loading" />;
  if (status === undefined) return <SentenceCard sentence={sentence} />;
  return (
    <>
      <SentenceCard sentence={sentence} />
      <Attention status={status} />
      <Figures status={status} />
      <Maintenance run={status.maintenance} />
      <div class="row">
        <Card
          title="Unhealthy slabs by margin"
          aside="how many more sectors a slab can lose"
          class="span-8 fill"
        >
          <Histogram status={status} />
        </Card>
        <Card title="Today" aside="since midnight UTC" class="span-4">
          <Today status={status} />
        </Card>
      </div>
      <Throughput />
      <Card title="Workers" aside={<a href="#/workers">All processes</a>}>
        <WorkerCards />
      </Card>
    </>
  );
}

function SentenceCard({ sentence }: { readonly sentence: Sentence }) {
  return (
    <section class="sentence" data-tone={sentence.tone} aria-label="In one sentence">
      <span class="glyph">
        <Icon name={sentence.icon} />
      </span>
      <div>
        <p class="headline" role="status">
          {sentence.text}
        </p>
        <p class="facts">{sentence.facts.map((fact) => [<span key={fact}>{fact}</span>, " "])}</p>
      </div>
    </section>
  );
}

function Attention({ status }: { readonly status: StatusReport }) {
  if (status.attention.length === 0) return null;
  return (
    <ul class="notices" aria-label="Problems that need attention">
      {status.attention.map(({ code, says, remedy }) => (
        <li key={code} class="notice" data-tone={toneOfAttention(code)}>
          <Icon name="alert" />
          <div>
            <strong>{capitalised(says)}</strong>
            {remedy === null ? null : <p>{/^slabmend \S/.test(remedy) ? <code>{remedy}</code> : remedy}</p>}
          </div>
          <More code={code} />
        </li>
      ))}
    </ul>
  );
}

function More({ code }: { readonly code: string }) {
  const [href, text] = linkOfAttention(code) ?? [];
  return href === undefined ? null : <a href={href}>{text}</a>;
}

function Maintenance({ run }: { readonly run: StatusReport["maintenance"] }) {
  if (run === null) return null;
  return (
    <Card title="Maintenance" aside={<a href="#/runs">{`Run ${run.id}, ${run.state}`}</a>}>
      <RunProgress run={run} />
    </Card>
  );
}

function Figures({ status }: { readonly status: StatusReport }) {
  const { slabs, throughput, leases } = status;
  const known = (value: number | null) => (value === null ? "unknown" : count(value));
  return (
    <dl class="figures">
      <div>
        <dt>Slabs</dt>
        <dd>
          {slabs.total === null ? "unknown" : `${slabs.totalIsExact ? "" : "≈ "}${count(slabs.total)}`}
          <div class="note">
            {slabs.unhealthy === null ? "no walk yet" : `${count(slabs.unhealthy)} need repair`}
          </div>
        </dd>
      </div>
      <div>
        <dt>In danger</dt>
        <dd>
          {known(slabs.inDanger)}
          <div class="note">
            {slabs.beyondRescue !== null && slabs.beyondRescue > 0
              ? `${count(slabs.beyondRescue)} beyond rescue`
              : "may be lost within a week"}
          </div>
        </dd>
      </div>
      <div>
        <dt>Throughput</dt>
        <dd>
          {count(throughput.slabsPerHour)} <small>slabs/h</small>
          <div class="note">
            {throughput.secondsLeft === null
              ? "last ten minutes"
              : `about ${duration(throughput.secondsLeft)} left`}
          </div>
        </dd>
      </div>
      <div>
        <dt>Repairs running</dt>
        <dd>
          {count(leases.running)}
          <div class="note">{`${count(leases.sent + leases.unsent)} leased and waiting`}</div>
        </dd>
      </div>
    </dl>
  );
}

function Today({ status }: { readonly status: StatusReport }) {
  const { today } = status;
  const gauges = gaugesOf(status.budget);
  const outcomes = Object.entries(status.lastHour)
    .filter(([, repairs]) => repairs > 0)
    .toSorted(([, a], [, b]) => b - a);
  return (
    <div class="gauges">
      <dl class="pairs">
        <dt>Repairs</dt>
        <dd>{count(today.repairs)}</dd>
        <dt>Sectors</dt>
        <dd>{`${count(today.sectorsCopied)} copied, ${count(today.sectorsRebuilt)} rebuilt`}</dd>
        <dt>Traffic</dt>
        <dd>{`${bytes(today.bytesRead)} read, ${bytes(today.bytesWritten)} written`}</dd>
        <dt>Paid</dt>
        <dd>{siacoins(today.paid.siacoins)}</dd>
      </dl>
      {gauges.length === 0 ? <p class="muted small">No daily limit is set.</p> : <h3>Daily limits</h3>}
      {gauges.map(({ name, spent, limit, share, tone }) => (
        <div class="gauge" key={name} data-tone={tone}>
          <div class="gauge-head small">
            <span>{name}</span>
            <span>{`${spent} of ${limit}`}</span>
          </div>
          <div
            class="track"
            role="meter"
            aria-label={`Daily limit: ${name}`}
            aria-valuenow={Math.round(share * 100)}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuetext={`${spent} of ${limit}`}
          >
            <i style={{ width: `${share * 100}%` }} />
          </div>
        </div>
      ))}
      {outcomes.length === 0 ? null : (
        <ul class="tags" aria-label="Outcomes of the last hour">
          {outcomes.map(([outcome, repairs]) => (
            <li key={outcome}>
              <Tag tone={toneOfOutcome(outcome)}>{`${count(repairs)} ${outcome}`}</Tag>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** The time spans to choose from: length in hours, seconds per bar, and how often the page reads the data again. */
const SPANS = [
  { label: "last hour", hours: 1, bucketSeconds: 60, everyMs: 15_000 },
  { label: "last 24 hours", hours: 24, bucketSeconds: 3_600, everyMs: 60_000 },
  { label: "last 7 days", hours: 168, bucketSeconds: 21_600, everyMs: 60_000 },
] as const;

function Throughput() {
  const [chosen, choose] = useState(1);
  const { hours, bucketSeconds, everyMs } = SPANS[chosen]!;
  const path = `/throughput?hours=${hours}&bucketSeconds=${bucketSeconds}`;
  const report = useReport<ThroughputReport>(path, everyMs);
  const span = (
    <select
      aria-label="Time span of throughput and cost"
      value={chosen}
      onChange={(event) => choose(Number(event.currentTarget.value))}
    >
      {SPANS.map(({ label }, index) => (
        <option key={label} value={index}>
          {label}
        </option>
      ))}
    </select>
  );
  return (
    <Card title="Throughput and cost" aside={span}>
      <Loaded report={report}>
        {(value) => {
          if (!value.buckets.some(({ repairs }) => repairs > 0)) {
            return (
              <Empty icon="spark" title="No repair ended in this period">
                Slabs, coins and bytes over time appear here.
              </Empty>
            );
          }
          return <ThroughputCharts report={value} />;
        }}
      </Loaded>
    </Card>
  );
}

function ThroughputCharts({ report }: { readonly report: ThroughputReport }) {
  const series = seriesOf(report);
  return (
    <div class="row">
      <div class="span-4">
        <Chart
          title="Slabs"
          unit="per hour"
          times={series.times}
          series={[{ label: "repaired", values: series.repairedPerHour, colour: "good", shape: "bars" }]}
          print={figure}
          summary={`${counted(series.total.slabs, "slab")} repaired or found healthy`}
        />
      </div>
      <div class="span-4">
        <Chart
          title="Cost"
          unit="SC per hour"
          times={series.times}
          series={[{ label: "paid", values: series.siacoinsPerHour, colour: "warn", shape: "bars" }]}
          print={(value) => siacoins(value).replace(" SC", "")}
          summary={`${siacoins(series.total.siacoins)} paid to hosts`}
        />
      </div>
      <div class="span-4">
        <Chart
          title="Traffic"
          unit="per second"
          times={series.times}
          series={[
            { label: "read", values: series.readPerSecond, colour: "wait", shape: "line" },
            { label: "written", values: series.writtenPerSecond, colour: "good", shape: "line" },
          ]}
          print={bytes}
          summary={`${bytes(series.total.read)} read, ${bytes(series.total.written)} written`}
        />
      </div>
    </div>
  );
}
