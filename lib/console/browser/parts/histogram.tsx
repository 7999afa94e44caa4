import type { StatusReport } from "../openapi/reports.ts";
import { compact } from "../view/format.ts";
import { columnsOf } from "../view/histogram.ts";
import { linkTo } from "../view/route.ts";
import { Empty } from "./states.tsx";

/** Unhealthy slabs by margin. Each column links to its slabs. */
export function Histogram({ status }: { readonly status: StatusReport }) {
  if (status.walk.at === null && status.margins.length === 0) {
    return (
      <Empty icon="question" title="Not known yet">
        The first walk over indexd's sectors has not finished.
      </Empty>
    );
  }
  if (status.margins.length === 0) {
    return (
      <Empty icon="check" title="No slab needs repair">
        The last walk found no bad sector.
      </Empty>
    );
  }
  return (
    <>
      <ol class="histogram" aria-label="Unhealthy slabs by margin">
        {columnsOf(status.margins).map((column) => (
          <li key={column.margin} data-tone={column.tone}>
            {column.ready + column.waiting === 0 ? (
              <span class="empty" role="img" aria-label={column.label}>
                <span class="column" />
                <span class="tick">{column.tick}</span>
              </span>
            ) : (
              <a href={linkTo("slabs", column.query)} title={column.label}>
                <span class="visually-hidden">{column.label}</span>
                <span class="column" aria-hidden="true">
                  <span class="value">
                    {column.inDanger > 0 ? <span class="warning">▲</span> : null}
                    {compact(column.ready + column.waiting)}
                  </span>
                  <span class="bar-later" style={{ height: `${column.waitingHeight * 82}%` }} />
                  <span class="bar-ready" style={{ height: `${column.readyHeight * 82}%` }} />
                </span>
                <span class="tick" aria-hidden="true">
                  {column.tick}
                </span>
              </a>
            )}
          </li>
        ))}
      </ol>
      <ul class="legend">
        <li>
          <span class="swatch ready" /> ready for repair
        </li>
        <li>
          <span class="swatch later" /> waiting for a grace period, the next attempt or a lease to end
        </li>
        {status.margins.some(({ inDanger }) => inDanger > 0) ? (
          <li data-tone="danger">
            <span class="swatch" /> ▲ in danger
          </li>
        ) : null}
      </ul>
    </>
  );
}
