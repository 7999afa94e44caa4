import { useRef, useState } from "preact/hooks";
import type { SlabReport } from "../openapi/reports.ts";
import { shortKey } from "../view/format.ts";
import { countStates, SHARD_LOOKS, segmentsOf } from "../view/ring.ts";
import { Tag } from "./states.tsx";

/** A slab as a ring of its shards. Arrow keys move around it; the chosen shard is described next to it. */
export function Ring({ slab }: { readonly slab: SlabReport }) {
  const [chosen, setChosen] = useState<number>();
  const group = useRef<SVGGElement>(null);
  const segments = segmentsOf(slab.shards.length);
  const states = countStates(slab.shards);
  const tone =
    slab.margin < 0 || slab.backlog?.inDanger === true ? "danger" : slab.margin <= 2 ? "warn" : "good";
  const focusable = chosen ?? 0;

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (focusable + step + segments.length) % segments.length;
    setChosen(next);
    (group.current?.children[next]?.firstElementChild as SVGElement | null)?.focus();
  };

  return (
    <div class="ring-layout">
      <svg class="ring" viewBox="-150 -150 300 300">
        <title>{`Slab ${slab.id}: ${states.map(([state, shards]) => `${shards} ${SHARD_LOOKS[state].name}`).join(", ")}`}</title>
        <g
          ref={group}
          onKeyDown={onKeyDown}
          role="listbox"
          aria-label="Shards, arrow keys move between them"
          tabIndex={-1}
        >
          {segments.map(({ index, path, hatch, x, y }) => {
            const shard = slab.shards[index]!;
            const look = SHARD_LOOKS[shard.state];
            return (
              <g key={index} data-tone={look.tone} role="presentation">
                <path
                  class="shard"
                  d={path}
                  data-look={look.look}
                  data-chosen={chosen === index}
                  role="option"
                  aria-selected={chosen === index}
                  aria-label={`Shard ${shard.index}: ${look.name}`}
                  tabIndex={focusable === index ? 0 : -1}
                  onClick={() => setChosen(index)}
                  onFocus={() => setChosen(index)}
                  onMouseEnter={() => setChosen(index)}
                />
                {look.look === "hatched" ? <path class="hatch" d={hatch} pointer-events="none" /> : null}
                {segments.length <= 60 && look.mark !== "" ? (
                  <g aria-hidden="true" pointer-events="none">
                    {look.look === "hatched" ? <circle class="disc" cx={x} cy={y} r="8" /> : null}
                    <text class="mark" x={x} y={y}>
                      {look.mark}
                    </text>
                  </g>
                ) : null}
              </g>
            );
          })}
        </g>
        <g data-tone={tone} aria-hidden="true">
          <text class="centre-figure" y="2">
            {slab.margin > 0 ? `+${slab.margin}` : String(slab.margin).replace("-", "−")}
          </text>
          <text class="centre-text" y="26">
            margin
          </text>
          <text class="centre-text" y="46">
            {`any ${slab.minShards} of ${slab.totalShards} suffice`}
          </text>
        </g>
      </svg>
      <div class="gauges">
        <ul class="tags" aria-label="Shards by state">
          {states.map(([state, shards]) => (
            <li key={state}>
              <Tag tone={SHARD_LOOKS[state].tone}>
                {SHARD_LOOKS[state].mark} {shards} {SHARD_LOOKS[state].name}
              </Tag>
            </li>
          ))}
        </ul>
        <div class="shard-card" aria-live="polite">
          {chosen === undefined ? (
            <p class="muted">Point at a shard, or go around with the arrow keys.</p>
          ) : (
            <ShardText shard={slab.shards[chosen]!} />
          )}
        </div>
      </div>
    </div>
  );
}

function ShardText({ shard }: { readonly shard: SlabReport["shards"][number] }) {
  const look = SHARD_LOOKS[shard.state];
  return (
    <>
      <h3>
        Shard {shard.index} <Tag tone={look.tone}>{look.name}</Tag>
      </h3>
      <p class="muted">{look.says}</p>
      <dl class="pairs small">
        <dt>Host</dt>
        <dd class="mono break">
          {shard.address ?? (shard.hostKey === null ? "none" : shortKey(shard.hostKey))}
        </dd>
        <dt>Root</dt>
        <dd class="mono break">{shortKey(shard.root)}</dd>
        {shard.why.length > 0 ? (
          <>
            <dt>Why</dt>
            <dd>{shard.why.join(", ")}</dd>
          </>
        ) : null}
      </dl>
    </>
  );
}
