import type { IconName } from "../view/tone.ts";

/** Each icon as an SVG path in a box of 24 by 24. */
const STROKES: Readonly<Record<IconName, string>> = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 7v5l3.5 2M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18z",
  pause: "M9 6v12M15 6v12",
  play: "M8 5.5v13l10.5-6.5z",
  alert: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.1",
  question: "M8.8 9.2a3.3 3.3 0 1 1 4.9 2.9c-1.1.6-1.7 1.2-1.7 2.6M12 18.2v.1",
  unplugged:
    "M4 20l4-4M20 4l-4 4M8.5 11.5l4 4-1.8 1.8a2.8 2.8 0 0 1-4-4zM15.5 12.5l-4-4 1.8-1.8a2.8 2.8 0 0 1 4 4z",
  cross: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  full: "M5 5h14v14H5zM5 10h14M5 14.5h14",
  blocked: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM5.7 5.7l12.6 12.6",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  overview: "M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-3H4z",
  slabs: "M12 3l8.5 4.8L12 12.5 3.5 7.8zM3.8 12.3L12 17l8.2-4.7M3.8 16.5L12 21l8.2-4.5",
  hosts: "M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5v.1M7.5 16.5v.1",
  workers: "M4 18V9l5 4V9l5 4V5h6v13zM8 18v-1.5M12 18v-1.5M16 18v-1.5",
  journal: "M6 3.5h12v17H6zM9.5 8h5M9.5 12h5M9.5 16h3",
  wrench:
    "M14.5 6.5a4.5 4.5 0 0 1 5.6-1.6l-3 3 1 2 2 1 .4-.4 1-1A4.5 4.5 0 0 1 15 14L7.5 21.5a2 2 0 0 1-3-3L12 11a4.5 4.5 0 0 1 2.5-4.5z",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  contrast: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 3v18M15 5v14M18 7.5v9",
  empty: "M4 13l2.5-8h11L20 13v6H4zM4 13h4.5l1.5 2.5h4l1.5-2.5H20",
  spark: "M3 15l4.5-5 4 4L16 7l5 6",
};

/** Decorates a text that says the same; hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={STROKES[name]} />
    </svg>
  );
}
