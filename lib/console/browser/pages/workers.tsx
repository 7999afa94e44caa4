import type { WorkersReport } from "../openapi/reports.ts";
import { useConsole } from "../parts/context.ts";
import { Card, Empty, Tag } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { WorkerCards } from "../parts/workers.tsx";
import { ago } from "../view/format.ts";

export function Workers() {
  const { live } = useConsole();
  const serve = live.workers?.serve;
  return (
    <>
      <Card
        title="This server"
        aside={
          serve === null || serve === undefined
            ? undefined
            : `${serve.state}, ${serve.running} of at most ${serve.concurrency} repairs running`
        }
      >
        <WorkerCards />
      </Card>
      <Card title="All processes that work on this database" aside="serve and work, on any machine">
        {live.workers === undefined ? (
          <div class="skeleton" role="status" aria-label="Loading" />
        ) : (
          <Fleet fleet={live.workers.fleet} />
        )}
      </Card>
    </>
  );
}

function Fleet({ fleet }: { readonly fleet: WorkersReport["fleet"] }) {
  const { nowMs } = useConsole();
  if (fleet === null) return <Empty icon="unplugged" title="The database does not answer" />;
  if (fleet.length === 0) return <Empty icon="workers" title="No process has sent a heartbeat" />;
  return (
    <Table label="Processes">
      <thead>
        <tr>
          <th scope="col">Machine</th>
          <th scope="col">Command</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Repairs
          </th>
          <th scope="col">Started</th>
          <th scope="col">Seen</th>
        </tr>
      </thead>
      <tbody>
        {fleet.map((one) => (
          <tr key={one.id}>
            <td>
              {one.host} <span class="muted">{`(${one.pid})`}</span>
            </td>
            <td>{one.command}</td>
            <td>
              <Tag tone={!one.isAlive ? "danger" : one.trouble !== null ? "warn" : "good"}>
                {one.isAlive ? (one.trouble ?? one.state) : "stopped without notice"}
              </Tag>
            </td>
            <td class="number">{`${one.running} of ${one.concurrency}`}</td>
            <td>{ago(one.startedAt, nowMs)}</td>
            <td>{ago(one.seenAt, nowMs)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
