import { useState } from "preact/hooks";
import { request } from "../api/request.ts";
import type { SlabsReport, UnhealthySlab } from "../openapi/reports.ts";
import { useConsole } from "../parts/context.ts";
import { Card, Empty, Loaded, Tag } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { useReport } from "../parts/use-report.ts";
import { counted, probability, until } from "../view/format.ts";
import { toneOfOutcome } from "../view/outcome.ts";
import { linkTo } from "../view/route.ts";
import type { Tone } from "../view/tone.ts";
import { uniqueById } from "../view/unique.ts";

const CAUSES = ["lost", "denied", "bad-contract", "bad-host", "draining"];
const STATE_TONES: Readonly<Record<UnhealthySlab["state"], Tone>> = {
  ready: "wait",
  waiting: "quiet",
  leased: "good",
  quarantined: "warn",
  healthy: "good",
};

export function Slabs({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const search = linkTo("slabs", query).replace(/^#\/slabs/, "");
  const report = useReport<SlabsReport>(`/slabs${search}`, 15_000);
  const filter = (more: Readonly<Record<string, string>>) => {
    location.hash = linkTo("slabs", { ...query, ...more });
  };
  return (
    <>
      <form class="filters" aria-label="Filter slabs" onSubmit={(event) => event.preventDefault()}>
        <label class="field">
          Margin at most
          <input
            type="number"
            value={query["margin"] ?? ""}
            placeholder="any"
            onChange={(event) => filter({ margin: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          Cause
          <select
            value={query["cause"] ?? ""}
            onChange={(event) => filter({ cause: event.currentTarget.value })}
          >
            <option value="">any</option>
            {CAUSES.map((cause) => (
              <option key={cause}>{cause}</option>
            ))}
          </select>
        </label>
        <label class="field">
          Danger
          <select
            value={query["atRisk"] ?? ""}
            onChange={(event) => filter({ atRisk: event.currentTarget.value })}
          >
            <option value="">all slabs</option>
            <option value="true">only slabs in danger</option>
          </select>
        </label>
      </form>
      <Loaded report={report}>{(value) => <SlabList key={search} first={value} search={search} />}</Loaded>
    </>
  );
}

function SlabList({ first, search }: { readonly first: SlabsReport; readonly search: string }) {
  const [more, setMore] = useState<{ slabs: SlabsReport["slabs"]; next: string | null }>();
  const slabs = uniqueById([...first.slabs, ...(more?.slabs ?? [])]);
  const next = more === undefined ? first.next : more.next;
  const load = async () => {
    const answer = await request<SlabsReport>(
      `/slabs${search === "" ? "?" : `${search}&`}cursor=${encodeURIComponent(next!)}`,
    );
    if (answer.ok)
      setMore({ slabs: [...(more?.slabs ?? []), ...answer.value.slabs], next: answer.value.next });
  };
  if (slabs.length === 0) {
    return (
      <Card title="Unhealthy slabs">
        {first.walkFinishedAt === null ? (
          <Empty icon="question" title="Not known yet">
            No walk over indexd's sectors has finished, so an empty list means nothing.
          </Empty>
        ) : (
          <Empty icon="check" title="No matching slab">
            No slab from the last walk matches these filters.
          </Empty>
        )}
      </Card>
    );
  }
  return (
    <Card title="Unhealthy slabs" aside={`${counted(first.matching, "slab")}, highest chance of loss first`}>
      <Table label="Unhealthy slabs">
        <thead>
          <tr>
            <th scope="col">Slab</th>
            <th scope="col" class="number">
              Margin
            </th>
            <th scope="col">Shards</th>
            <th scope="col">Chance of loss in a week</th>
            <th scope="col">Causes</th>
            <th scope="col">State</th>
            <th scope="col">Last outcome</th>
            <th scope="col" class="number">
              Objects
            </th>
          </tr>
        </thead>
        <tbody>
          {slabs.map((slab) => (
            <SlabRow key={slab.id} slab={slab} />
          ))}
        </tbody>
      </Table>
      {next === null ? null : (
        <button type="button" class="button" onClick={load}>
          Show more
        </button>
      )}
    </Card>
  );
}

function SlabRow({ slab }: { readonly slab: UnhealthySlab }) {
  const { nowMs } = useConsole();
  return (
    <tr>
      <td>
        <a href={`#/slabs/${slab.id}`}>{slab.id}</a>
      </td>
      <td class="number">
        {slab.inDanger ? (
          <Tag tone="danger" icon="alert">
            {slab.margin}
          </Tag>
        ) : (
          slab.margin
        )}
      </td>
      <td>{slab.minShards === null ? slab.totalShards : `${slab.minShards} of ${slab.totalShards}`}</td>
      <td>{slab.margin < 0 ? "beyond rescue" : probability(slab.lossProbability)}</td>
      <td>
        {Object.entries(slab.causes)
          .map(([cause, sectors]) => `${sectors} ${cause}`)
          .join(", ")}
      </td>
      <td>
        <Tag tone={STATE_TONES[slab.state]}>
          {slab.state}
          {slab.until === null ? "" : ` · ${until(slab.until, nowMs)}`}
        </Tag>
      </td>
      <td>
        {slab.lastOutcome === null ? (
          <span class="muted">none yet</span>
        ) : (
          <Outcome outcome={slab.lastOutcome} />
        )}
      </td>
      <td class="number">{`${slab.objects.count}${slab.objects.more ? "+" : ""}`}</td>
    </tr>
  );
}

export function Outcome({ outcome }: { readonly outcome: string }) {
  return <Tag tone={toneOfOutcome(outcome)}>{outcome}</Tag>;
}
