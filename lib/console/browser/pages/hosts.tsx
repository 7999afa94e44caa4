import { useState } from "preact/hooks";
import type { HostReport, HostsReport } from "../openapi/reports.ts";
import { HostMatrix } from "../parts/host-matrix.tsx";
import { Icon } from "../parts/icon.tsx";
import { StartRunButton } from "../parts/run.tsx";
import { Card, Empty, Loaded, Tag } from "../parts/states.tsx";
import { useReport } from "../parts/use-report.ts";
import { bytes, count, shortKey } from "../view/format.ts";
import { HOST_LOOKS, type HostOrder, linesOf, lookOf, sortHosts } from "../view/host-look.ts";
import { linkTo } from "../view/route.ts";

export function Hosts() {
  const report = useReport<HostsReport>("/hosts", 30_000);
  const [order, setOrder] = useState<HostOrder>("state");
  const [search, setSearch] = useState("");
  const [chosen, setChosen] = useState<string>();
  return (
    <Loaded report={report}>
      {(value) => {
        const found = value.hosts.filter(({ hostKey, addresses }) =>
          [hostKey, ...addresses].some((text) => text.includes(search.trim().toLowerCase())),
        );
        const hosts = sortHosts(found, order);
        const host = value.hosts.find(({ hostKey }) => hostKey === chosen);
        return (
          <>
            <div class="filters">
              <label class="field">
                Order
                <select value={order} onChange={(event) => setOrder(event.currentTarget.value as HostOrder)}>
                  <option value="state">by state</option>
                  <option value="speed">by speed</option>
                  <option value="size">by size</option>
                  <option value="key">by key</option>
                </select>
              </label>
              <label class="field wide">
                Find a host
                <input
                  type="search"
                  placeholder="key or address"
                  value={search}
                  onInput={(event) => setSearch(event.currentTarget.value)}
                />
              </label>
            </div>
            <Card
              title="Hosts"
              aside={`${count(value.candidates)} take sectors, ${count(value.good)} good, ${count(value.total)} in all`}
            >
              {hosts.length === 0 ? (
                <Empty
                  icon="hosts"
                  title={value.total === 0 ? "indexd knows no hosts yet" : "No host matches"}
                />
              ) : (
                <div class="gauges">
                  <HostMatrix hosts={hosts} choose={setChosen} />
                  <Legend hosts={value.hosts} />
                </div>
              )}
            </Card>
            {host === undefined ? null : <OneHost host={host} />}
          </>
        );
      }}
    </Loaded>
  );
}

function Legend({ hosts }: { readonly hosts: readonly HostReport[] }) {
  return (
    <ul class="legend">
      {Object.values(HOST_LOOKS).map((look) => {
        const number = hosts.filter((host) => lookOf(host).state === look.state).length;
        return number === 0 ? null : (
          <li key={look.state}>
            <Tag tone={look.tone} {...(look.icon === null ? {} : { icon: look.icon })}>
              {count(number)}
            </Tag>
            {look.says}
          </li>
        );
      })}
      <li>
        <Icon name="spark" /> a stronger fill means faster reads
      </li>
    </ul>
  );
}

function OneHost({ host }: { readonly host: HostReport }) {
  const look = lookOf(host);
  return (
    <Card
      title={host.addresses[0] ?? "Host without an address"}
      aside={<a href={linkTo("journal", { host: host.hostKey })}>Its repairs</a>}
    >
      <dl class="pairs">
        <dt>State</dt>
        <dd>
          <Tag tone={look.tone} {...(look.icon === null ? {} : { icon: look.icon })}>
            {look.says}
          </Tag>
        </dd>
        <dt>Key</dt>
        <dd class="mono break">{host.hostKey}</dd>
        <dt>Uptime</dt>
        <dd>{`${(host.recentUptime * 100).toFixed(1)} %, as indexd measures it`}</dd>
        <dt>Sectors</dt>
        <dd>{`${bytes(host.contractBytes)} in contracts, ${count(host.unpinnedSectors)} unpinned, ${count(host.lostSectors)} lost`}</dd>
        {linesOf(host).map((line) => [<dt key={`${line}-t`} />, <dd key={line}>{line}</dd>])}
      </dl>
      <div class="buttons">
        <StartRunButton
          kind="verify"
          of={`host ${shortKey(host.hostKey)}`}
          body={{ hosts: [host.hostKey] }}
        />
        <StartRunButton kind="drain" of={`host ${shortKey(host.hostKey)}`} body={{ hosts: [host.hostKey] }} />
      </div>
    </Card>
  );
}
