import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { followEvents, type Live } from "./api/live.ts";
import { keepTokenOfAddress } from "./api/token.ts";
import { Attention } from "./pages/attention.tsx";
import { Hosts } from "./pages/hosts.tsx";
import { Journal } from "./pages/journal.tsx";
import { Overview } from "./pages/overview.tsx";
import { Run, Runs } from "./pages/runs.tsx";
import { Slab } from "./pages/slab.tsx";
import { Slabs } from "./pages/slabs.tsx";
import { Workers } from "./pages/workers.tsx";
import { type Console, ConsoleContext, type Write } from "./parts/context.ts";
import { Frame } from "./parts/frame.tsx";
import { Empty } from "./parts/states.tsx";
import { useTheme } from "./parts/themes.tsx";
import { WriteDialog } from "./parts/write-dialog.tsx";
import { type Route, routeOf } from "./view/route.ts";

const START: Live = {
  connection: { state: "connecting" },
  status: undefined,
  workers: undefined,
  clockOffsetMs: 0,
  generation: 0,
};

/** The list view that a detail view belongs to. */
const LIST_OF: Readonly<Record<string, string>> = { slab: "slabs", run: "runs" };

export function App() {
  const [live, setLive] = useState<Live>(START);
  const [now, setNow] = useState(Date.now);
  const [write, setWrite] = useState<Write>();
  const route = useRoute();
  const theme = useTheme();
  useEffect(() => followEvents(setLive), []);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const shared = useMemo<Console>(
    () => ({ live, nowMs: now + live.clockOffsetMs, theme, ask: setWrite }),
    [live, now, theme],
  );
  const [title, view] = viewOf(route);
  return (
    <ConsoleContext.Provider value={shared}>
      <Frame view={LIST_OF[route.view] ?? route.view} title={title}>
        {view}
      </Frame>
      {write === undefined ? null : <WriteDialog write={write} close={() => setWrite(undefined)} />}
    </ConsoleContext.Provider>
  );
}

function viewOf(route: Route): [ComponentChildren, ComponentChildren] {
  switch (route.view) {
    case "overview":
      return ["Overview", <Overview />];
    case "slabs":
      return ["Slabs", <Slabs query={route.query} />];
    case "slab":
      return [
        <>
          <a class="crumb" href="#/slabs">
            Slabs /
          </a>{" "}
          {route.id}
        </>,
        <Slab key={route.id} id={route.id} />,
      ];
    case "hosts":
      return ["Hosts", <Hosts />];
    case "workers":
      return ["Workers", <Workers />];
    case "journal":
      return ["Journal", <Journal query={route.query} />];
    case "runs":
      return ["Maintenance runs", <Runs />];
    case "run":
      return [
        <>
          <a class="crumb" href="#/runs">
            Runs /
          </a>{" "}
          {route.id}
        </>,
        <Run key={route.id} id={route.id} />,
      ];
    case "attention":
      return ["Attention", <Attention />];
    case "unknown":
      return [
        "No such view",
        <Empty icon="question" title="There is no such view">
          <a href="#/">Back to the overview</a>
        </Empty>,
      ];
  }
}

/** The view in the address bar. A change of view scrolls to the top and moves the focus, like a new page. */
function useRoute(): Route {
  const [fragment, setFragment] = useState(location.hash);
  const before = useRef(routeOf(fragment));
  useEffect(() => {
    const change = () => {
      keepTokenOfAddress();
      setFragment(location.hash);
    };
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  const route = useMemo(() => routeOf(fragment), [fragment]);
  useEffect(() => {
    const name = "id" in route ? `${route.view === "slab" ? "Slab" : "Run"} ${route.id}` : route.view;
    document.title = route.view === "overview" ? "slabmend" : `${name} · slabmend`;
    if (before.current.view === route.view) return;
    before.current = route;
    scrollTo(0, 0);
    document.getElementById("view")?.focus({ preventScroll: true });
  }, [route]);
  return route;
}
