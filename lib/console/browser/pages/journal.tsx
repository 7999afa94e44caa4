import { useState } from "preact/hooks";
import { request } from "../api/request.ts";
import type { HistoryReport } from "../openapi/reports.ts";
import { useConsole } from "../parts/context.ts";
import { History } from "../parts/history.tsx";
import { Card, Empty, Loaded } from "../parts/states.tsx";
import { useReport } from "../parts/use-report.ts";
import { clockTime } from "../view/format.ts";
import { OUTCOME_NAMES } from "../view/outcome.ts";
import { linkTo } from "../view/route.ts";
import { uniqueById } from "../view/unique.ts";

const FIELDS = ["slab", "host", "outcome", "since"] as const;

export function Journal({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const search = linkTo("journal", query).replace(/^#\/journal/, "");
  const report = useReport<HistoryReport>(`/journal${search}`, 15_000);
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const values = FIELDS.map((field) => [field, String(form.get(field) ?? "").trim()] as const);
    location.hash = linkTo(
      "journal",
      Object.fromEntries(
        values.map(([field, value]) => [
          field,
          field === "since" && value !== "" ? new Date(value).toISOString() : value,
        ]),
      ),
    );
  };
  return (
    <>
      <form class="filters" key={search} aria-label="Search the journal" onSubmit={onSubmit}>
        <label class="field">
          Slab
          <input
            name="slab"
            inputMode="numeric"
            placeholder="id or digest"
            defaultValue={query["slab"] ?? ""}
          />
        </label>
        <label class="field wide">
          Host
          <input name="host" placeholder="key" defaultValue={query["host"] ?? ""} />
        </label>
        <label class="field">
          Outcome
          <select name="outcome" defaultValue={query["outcome"] ?? ""}>
            <option value="">any</option>
            {OUTCOME_NAMES.map((name) => (
              <option key={name} selected={name === query["outcome"]}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Since
          <input name="since" type="datetime-local" defaultValue={localTime(query["since"])} />
        </label>
        <button type="submit" class="button primary">
          Search
        </button>
      </form>
      <Loaded report={report}>{(value) => <Found key={search} first={value} search={search} />}</Loaded>
    </>
  );
}

/** In the format of `datetime-local`: the reader's local time, without a time zone. */
function localTime(since: string | undefined): string {
  const ms = Date.parse(since ?? "");
  if (Number.isNaN(ms)) return "";
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Found({ first, search }: { readonly first: HistoryReport; readonly search: string }) {
  const { nowMs } = useConsole();
  const [more, setMore] = useState<HistoryReport[]>([]);
  const pages = [first, ...more];
  const last = pages.at(-1)!;
  const repairs = uniqueById(pages.flatMap((page) => page.repairs));
  const load = async () => {
    const answer = await request<HistoryReport>(
      `/journal${search === "" ? "?" : `${search}&`}cursor=${encodeURIComponent(last.next!)}`,
    );
    if (answer.ok) setMore([...more, answer.value]);
  };
  return (
    <Card
      title="Journal"
      aside={
        last.searchedSince === null
          ? "latest first"
          : `searched back to ${clockTime(last.searchedSince, nowMs)}`
      }
    >
      {repairs.length === 0 ? (
        <Empty icon="journal" title="No repair matches">
          {search === "" ? "No repair has ended yet." : "Widen the search, or go further back."}
        </Empty>
      ) : (
        <History repairs={repairs} />
      )}
      {last.next === null ? null : (
        <button type="button" class="button" onClick={load}>
          {repairs.length === 0 ? "Search further back" : "Show more"}
        </button>
      )}
    </Card>
  );
}
