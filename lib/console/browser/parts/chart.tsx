import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clockTime } from "../view/format.ts";
import { useConsole } from "./context.ts";

export interface ChartSeries {
  readonly label: string;
  readonly values: readonly number[];
  /** Name of a colour token, without the leading dashes. */
  readonly colour: string;
  readonly shape: "bars" | "line";
}

interface ChartProps {
  readonly title: string;
  /** The unit of the values, shown beside the title. */
  readonly unit: string;
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly print: (value: number) => string;
  /** Text for screen readers. */
  readonly summary: string;
}

/** Bars or lines over time. Arrow keys choose the time whose values are shown below the chart. */
export function Chart({ title, unit, times, series, print, summary }: ChartProps) {
  const { nowMs, theme } = useConsole();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [at, setAt] = useState<number | null>(null);

  // Redraws when the theme changes, because the colour tokens then have other values.
  useEffect(() => {
    const element = box.current!;
    const chart = new uPlot(
      optionsOf(element, series, print, setAt),
      [[...times], ...series.map(({ values }) => [...values])],
      element,
    );
    plot.current = chart;
    const watch = new ResizeObserver(() =>
      chart.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    watch.observe(element);
    return () => {
      watch.disconnect();
      chart.destroy();
    };
  }, [times, theme]);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (step === 0 || times.length === 0) return;
    event.preventDefault();
    const next = Math.min(times.length - 1, Math.max(0, (at ?? times.length) + step));
    setAt(next);
    plot.current?.setCursor({ left: plot.current.valToPos(times[next]!, "x"), top: 0 });
  };

  const shown = at === null ? undefined : times[at];
  return (
    <figure>
      <figcaption class="card-head">
        <h3>{title}</h3>
        <span class="muted small">
          {series.length < 2
            ? null
            : series.map(({ label, colour }, index) => (
                <span key={label} class="line-name">
                  <i style={{ color: `var(--${colour})` }} data-dashed={index > 0} />
                  {label}
                </span>
              ))}
          {unit}
        </span>
      </figcaption>
      <div
        class="chart"
        ref={box}
        role="img"
        aria-label={`${title}: ${summary}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
      />
      <div class="chart-readout" aria-live="polite">
        {shown === undefined
          ? summary
          : `${clockTime(new Date(shown * 1000).toISOString(), nowMs)} · ${series
              .map(({ label, values }) => `${label} ${print(values[at!] ?? 0)}`)
              .join(" · ")}`}
      </div>
    </figure>
  );
}

function halfBucket({ data: [times] }: uPlot): number {
  return times.length < 2 ? 1_800 : (times[1]! - times[0]!) / 2;
}

/** The value of a colour token in the current theme, in a form that canvas accepts. */
function colourOf(element: Element, token: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(--${token})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const faded = (colour: string, alpha: number) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

function optionsOf(
  element: HTMLElement,
  series: readonly ChartSeries[],
  print: (value: number) => string,
  setAt: (at: number | null) => void,
): uPlot.Options {
  const ink = colourOf(element, "ink-2");
  const line = colourOf(element, "line");
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const bars = uPlot.paths.bars!({ size: [0.72, 28], radius: 0.2 });
  return {
    width: Math.max(element.clientWidth, 100),
    height: Math.max(element.clientHeight, 100),
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      // Half a bucket on both sides, so that the outer bars are not cut.
      x: { range: (chart, least, most) => [least - halfBucket(chart), most + halfBucket(chart)] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 70, values: (_, ticks) => ticks.map(tickTime) },
      {
        ...axis,
        space: 34,
        size: (_, values) => 14 + 6.6 * Math.max(...(values ?? ["0"]).map((text) => text.length)),
        values: (_, ticks) => ticks.map(print),
      },
    ],
    series: [
      {},
      ...series.map(({ label, colour, shape }, index): uPlot.Series => {
        const stroke = colourOf(element, colour);
        return {
          label,
          stroke,
          width: shape === "bars" ? 1 : 1.75,
          fill: faded(stroke, shape === "bars" ? 0.55 : 0.12),
          points: { show: false },
          // A dash pattern, because colour must not be the only difference.
          ...(index > 0 ? { dash: [5, 3] } : {}),
          ...(shape === "bars" ? { paths: bars } : {}),
        };
      }),
    ],
    hooks: { setCursor: [(chart) => setAt(chart.cursor.idx ?? null)] },
  };
}

const dayAndMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const hourAndMinute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Label of the time axis: the time, or the date at midnight. */
function tickTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return date.getHours() === 0 && date.getMinutes() === 0
    ? dayAndMonth.format(date)
    : hourAndMinute.format(date);
}
