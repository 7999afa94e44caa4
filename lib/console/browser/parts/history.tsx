import type { HistoryReport } from "../openapi/reports.ts";
import { bytes, clockTime, duration, shortKey, siacoins } from "../view/format.ts";
import { meaningOfOutcome, toneOfOutcome } from "../view/outcome.ts";
import { useConsole } from "./context.ts";
import { Tag } from "./states.tsx";
import { Table } from "./table.tsx";

type Repair = HistoryReport["repairs"][number];

/** Finished repairs. A row expands to show its moves. */
export function History({
  repairs,
  hideSlab = false,
}: {
  readonly repairs: readonly Repair[];
  readonly hideSlab?: boolean;
}) {
  const { nowMs } = useConsole();
  return (
    <Table label="Repairs">
      <thead>
        <tr>
          <th scope="col">Ended</th>
          {hideSlab ? null : <th scope="col">Slab</th>}
          <th scope="col">Outcome</th>
          <th scope="col">Moves</th>
          <th scope="col" class="number">
            Took
          </th>
          <th scope="col" class="number">
            Read
          </th>
          <th scope="col" class="number">
            Written
          </th>
          <th scope="col" class="number">
            Paid
          </th>
        </tr>
      </thead>
      <tbody>
        {repairs.map((repair) => (
          <tr key={repair.id}>
            <td>
              <time dateTime={repair.endedAt} title={repair.endedAt}>
                {clockTime(repair.endedAt, nowMs)}
              </time>
            </td>
            {hideSlab ? null : (
              <td>
                <a href={`#/slabs/${repair.slabId}`}>{repair.slabId}</a>
              </td>
            )}
            <td>
              <span title={meaningOfOutcome(repair.outcome)}>
                <Tag tone={toneOfOutcome(repair.outcome)}>{repair.outcome}</Tag>
              </span>
              {repair.error === null ? null : <div class="muted small">{repair.error}</div>}
            </td>
            <td>
              <Moves repair={repair} />
            </td>
            <td class="number">{duration(repair.seconds)}</td>
            <td class="number">{bytes(repair.bytesRead)}</td>
            <td class="number">{bytes(repair.bytesWritten)}</td>
            <td class="number">{siacoins(repair.paid.siacoins)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Moves({ repair }: { readonly repair: Repair }) {
  const copied = repair.moves.filter(({ how }) => how === "copied").length;
  const rebuilt = repair.moves.length - copied;
  const parts = [
    copied > 0 ? `${copied} copied` : "",
    rebuilt > 0 ? `${rebuilt} rebuilt` : "",
    repair.dropped.length > 0 ? `${repair.dropped.length} dropped` : "",
    repair.lost.length > 0 ? `${repair.lost.length} found lost` : "",
  ].filter((part) => part !== "");
  if (parts.length === 0) return <span class="muted">none</span>;
  return (
    <details>
      <summary>{parts.join(", ")}</summary>
      <ul class="small">
        {repair.moves.map(({ index, from, to, how }) => (
          <li key={`${index}-${to}`}>
            {`shard ${index} ${how}: `}
            <span class="mono">{`${from === null ? "lost" : shortKey(from)} → ${shortKey(to)}`}</span>
          </li>
        ))}
        {repair.lost.map(({ root, host }) => (
          <li key={root}>
            {"found lost on "}
            <span class="mono">{shortKey(host)}</span>
          </li>
        ))}
        {repair.dropped.map(({ index, why }) => (
          <li key={index}>{`shard ${index} dropped: ${why}`}</li>
        ))}
      </ul>
    </details>
  );
}
