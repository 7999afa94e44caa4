import { useRef, useState } from "preact/hooks";
import type { HostReport } from "../openapi/reports.ts";
import { shortKey } from "../view/format.ts";
import { fillOf, linesOf, lookOf, moveInGrid } from "../view/host-look.ts";
import { Icon } from "./icon.tsx";
import { Tag } from "./states.tsx";

interface Shown {
  readonly host: HostReport;
  readonly left: number;
  readonly top: number;
}

/** One cell per host. Arrow keys move between cells; the cell in focus or under the pointer shows its details. */
export function HostMatrix({
  hosts,
  choose,
}: {
  readonly hosts: readonly HostReport[];
  readonly choose: (key: string) => void;
}) {
  const grid = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0);
  const [shown, setShown] = useState<Shown>();

  const show = (host: HostReport, cell: Element) => {
    const { left, bottom, top } = cell.getBoundingClientRect();
    const isLow = bottom > innerHeight - 190;
    setShown({ host, left: Math.min(left, innerWidth - 330), top: isLow ? top - 176 : bottom + 6 });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") setShown(undefined);
    const columns = getComputedStyle(grid.current!).gridTemplateColumns.split(" ").length;
    const next = moveInGrid(at, event.key, columns, hosts.length);
    if (next === at) return;
    event.preventDefault();
    setAt(next);
    (grid.current?.children[next] as HTMLElement | undefined)?.focus();
  };

  return (
    <>
      <div
        class="matrix"
        ref={grid}
        role="listbox"
        aria-label={`${hosts.length} hosts, arrow keys move between them`}
        tabIndex={-1}
        onKeyDown={onKeyDown}
        onMouseLeave={() => setShown(undefined)}
      >
        {hosts.map((host, index) => {
          const look = lookOf(host);
          return (
            <button
              key={host.hostKey}
              type="button"
              role="option"
              aria-selected={shown?.host.hostKey === host.hostKey}
              aria-label={`Host ${host.addresses[0] ?? shortKey(host.hostKey)}: ${look.says}. ${linesOf(host).join(". ")}`}
              data-tone={look.tone}
              style={{ "--fill": `${fillOf(host)}%` }}
              tabIndex={index === at ? 0 : -1}
              onClick={() => choose(host.hostKey)}
              onMouseEnter={(event) => show(host, event.currentTarget)}
              onFocus={(event) => {
                setAt(index);
                show(host, event.currentTarget);
              }}
              onBlur={() => setShown(undefined)}
            >
              {look.icon === null ? null : <Icon name={look.icon} />}
            </button>
          );
        })}
      </div>
      {shown === undefined ? null : (
        <div
          class="tooltip"
          aria-hidden="true"
          style={{ left: `${Math.max(8, shown.left)}px`, top: `${shown.top}px` }}
        >
          <div>
            <strong class="mono">{shown.host.addresses[0] ?? shortKey(shown.host.hostKey)}</strong>
          </div>
          <Tag tone={lookOf(shown.host).tone}>{lookOf(shown.host).says}</Tag>
          {linesOf(shown.host).map((line) => (
            <div key={line} class="muted">
              {line}
            </div>
          ))}
        </div>
      )}
    </>
  );
}
