import type { HistoryReport, SlabReport } from "../openapi/reports.ts";
import { useConsole } from "../parts/context.ts";
import { History } from "../parts/history.tsx";
import { Ring } from "../parts/ring.tsx";
import { StartRunButton } from "../parts/run.tsx";
import { Card, Empty, Loaded, Tag } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { useReport } from "../parts/use-report.ts";
import { ago, counted, probability, shortKey, until } from "../view/format.ts";
import { SHARD_LOOKS } from "../view/ring.ts";
import { Outcome } from "./slabs.tsx";

export function Slab({ id }: { readonly id: string }) {
  const slab = useReport<SlabReport>(`/slabs/${id}`, 10_000);
  const history = useReport<HistoryReport>(`/slabs/${id}/history`, 10_000);
  return (
    <Loaded report={slab}>
      {(value) => (
        <>
          <div class="row">
            <Card title="Shards" class="span-8" aside={counted(value.totalShards, "shard")}>
              <Ring slab={value} />
            </Card>
            <Card title="Standing" class="span-4">
              <Standing slab={value} />
              <div class="buttons">
                <StartRunButton kind="verify" of={`slab ${id}`} body={{ slab: id }} />
              </div>
            </Card>
          </div>
          <Card title="History" aside="latest first">
            <Loaded report={history}>
              {({ repairs }) =>
                repairs.length === 0 ? (
                  <Empty icon="journal" title="No repair of this slab has ended yet" />
                ) : (
                  <History repairs={repairs} hideSlab />
                )
              }
            </Loaded>
          </Card>
          <Card title="Shards as a table">
            <details>
              <summary>{`Show all ${value.totalShards}`}</summary>
              <ShardTable slab={value} />
            </details>
          </Card>
          <Card title="Objects" aside={`${value.objects.count}${value.objects.more ? " or more" : ""}`}>
            {value.objects.keys.length === 0 ? (
              <Empty title="No object uses this slab" />
            ) : (
              <ul class="mono small">
                {value.objects.keys.map((key) => (
                  <li key={key} class="break">
                    {key}
                  </li>
                ))}
              </ul>
            )}
          </Card>
        </>
      )}
    </Loaded>
  );
}

function Standing({ slab }: { readonly slab: SlabReport }) {
  const { nowMs } = useConsole();
  const { backlog, lease, lastRepair } = slab;
  return (
    <dl class="pairs">
      <dt>State</dt>
      <dd>
        <Tag tone={slab.state === "healthy" ? "good" : slab.state === "quarantined" ? "warn" : "wait"}>
          {slab.state}
        </Tag>
      </dd>
      {backlog === null ? null : (
        <>
          <dt>Chance of loss</dt>
          <dd>{`${probability(backlog.lossProbability)} in a week`}</dd>
          <dt>Waits since</dt>
          <dd>{ago(backlog.waitingSince, nowMs)}</dd>
          {backlog.until === null ? null : (
            <>
              <dt>Next check</dt>
              <dd>{until(backlog.until, nowMs)}</dd>
            </>
          )}
        </>
      )}
      {lease === null ? null : (
        <>
          <dt>Lease</dt>
          <dd>{`${lease.beganAt === null ? "waits for a worker" : "a worker repairs the slab"}, ends ${until(lease.expiresAt, nowMs)}`}</dd>
        </>
      )}
      <dt>Next attempt</dt>
      <dd>{`${until(slab.nextAttempt.at, nowMs)}, set by ${slab.nextAttempt.writtenBy}`}</dd>
      {lastRepair === null ? null : (
        <>
          <dt>Last repair</dt>
          <dd>
            <Outcome outcome={lastRepair.outcome} /> {ago(lastRepair.endedAt, nowMs)}
            {lastRepair.error === null ? null : <div class="muted small">{lastRepair.error}</div>}
          </dd>
          {lastRepair.crashes === 0 ? null : (
            <>
              <dt>Crashes</dt>
              <dd>{lastRepair.crashes}</dd>
            </>
          )}
        </>
      )}
      <dt>Failed</dt>
      <dd>{counted(slab.consecutiveFailedRepairs, "time")} in a row</dd>
      <dt>Digest</dt>
      <dd class="mono break small">{slab.digest}</dd>
    </dl>
  );
}

function ShardTable({ slab }: { readonly slab: SlabReport }) {
  return (
    <Table label="Shards">
      <thead>
        <tr>
          <th scope="col" class="number">
            Shard
          </th>
          <th scope="col">State</th>
          <th scope="col">Host</th>
          <th scope="col">Root</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {slab.shards.map((shard) => (
          <tr key={shard.index}>
            <td class="number">{shard.index}</td>
            <td>
              <Tag tone={SHARD_LOOKS[shard.state].tone}>{SHARD_LOOKS[shard.state].name}</Tag>
            </td>
            <td class="mono">
              {shard.address ?? (shard.hostKey === null ? "none" : shortKey(shard.hostKey))}
            </td>
            <td class="mono">{shortKey(shard.root)}</td>
            <td>{shard.why.join(", ")}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
