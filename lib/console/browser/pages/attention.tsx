import type { DeadLettersReport, LossesReport, QuarantineReport } from "../openapi/reports.ts";
import { useConsole } from "../parts/context.ts";
import { SlabLinks } from "../parts/slab-links.tsx";
import { Card, Empty, Loaded, Tag } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { useReport } from "../parts/use-report.ts";
import { ago, counted, shortKey, until } from "../view/format.ts";
import type { Tone } from "../view/tone.ts";

/** What may need an operator: slabs in quarantine, dead letters, and sectors that hosts denied. */
export function Attention() {
  return (
    <>
      <Quarantine />
      <DeadLetters />
      <Losses />
    </>
  );
}

function Quarantine() {
  const { nowMs, ask } = useConsole();
  const report = useReport<QuarantineReport>("/quarantine", 15_000);
  const release = (slabId: string) =>
    ask({
      title: `Release slab ${slabId}?`,
      says: "Its repairs crashed workers. It is leased again as soon as a worker is free.",
      confirm: "Release",
      method: "DELETE",
      path: `/quarantine/${slabId}`,
      done: report.again,
    });
  return (
    <Card title="Quarantine" aside="slabs whose repairs kept crashing workers">
      <Loaded report={report}>
        {({ slabs }) =>
          slabs.length === 0 ? (
            <Empty icon="check" title="No slab is in quarantine" />
          ) : (
            <Table label="Slabs in quarantine">
              <thead>
                <tr>
                  <th scope="col">Slab</th>
                  <th scope="col">Ends</th>
                  <th scope="col" class="number">
                    Crashes
                  </th>
                  <th scope="col">Reason</th>
                  <th scope="col">
                    <span class="visually-hidden">Release</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {slabs.map(({ slabId, until: end, crashes, reason }) => (
                  <tr key={slabId}>
                    <td>
                      <a href={`#/slabs/${slabId}`}>{slabId}</a>
                    </td>
                    <td>{until(end, nowMs)}</td>
                    <td class="number">{crashes}</td>
                    <td>{reason}</td>
                    <td class="number">
                      <button type="button" class="button" onClick={() => release(slabId)}>
                        Release<span class="visually-hidden">{` slab ${slabId}`}</span>…
                      </button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </Table>
          )
        }
      </Loaded>
    </Card>
  );
}

const FATES: Readonly<Record<DeadLettersReport["letters"][number]["fate"], readonly [Tone, string]>> = {
  "can-be-sent": ["wait", "can be sent again"],
  moot: ["quiet", "its slab no longer needs it"],
  unreadable: ["warn", "unreadable"],
};

function DeadLetters() {
  const { nowMs, ask } = useConsole();
  const report = useReport<DeadLettersReport>("/dead-letters", 15_000);
  const redrive = () =>
    ask({
      title: "Send the dead letters again?",
      says: "Letters whose leases still wait for a worker are sent; letters that their slabs no longer need are deleted.",
      confirm: "Send again",
      method: "POST",
      path: "/dead-letters/redrive",
      done: report.again,
    });
  const forget = (messageId: string) =>
    ask({
      title: "Delete this dead letter?",
      says: "The slab does not depend on this letter. If a lease still waits for the letter, the lease expires, and then the slab can be leased again.",
      confirm: "Forget",
      method: "DELETE",
      path: `/dead-letters/${encodeURIComponent(messageId)}`,
      done: report.again,
    });
  return (
    <Card title="Dead letters" aside="repair messages that started no repair">
      <Loaded report={report}>
        {({ letters, total }) =>
          letters.length === 0 ? (
            <Empty icon="check" title="No dead letters" />
          ) : (
            <>
              <Table label="Dead letters">
                <thead>
                  <tr>
                    <th scope="col">Last seen</th>
                    <th scope="col">Slab</th>
                    <th scope="col">Fate</th>
                    <th scope="col">Cause</th>
                    <th scope="col" class="number">
                      Received
                    </th>
                    <th scope="col">
                      <span class="visually-hidden">Forget</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {letters.map((letter) => (
                    <tr key={letter.messageId}>
                      <td>{ago(letter.lastSeen, nowMs)}</td>
                      <td>
                        {letter.slabId === null ? (
                          "unknown"
                        ) : (
                          <a href={`#/slabs/${letter.slabId}`}>{letter.slabId}</a>
                        )}
                      </td>
                      <td>
                        <Tag tone={FATES[letter.fate][0]}>{FATES[letter.fate][1]}</Tag>
                      </td>
                      <td>{letter.cause}</td>
                      <td class="number">{counted(letter.receiveCount, "time")}</td>
                      <td class="number">
                        <button type="button" class="button" onClick={() => forget(letter.messageId)}>
                          Forget
                          <span class="visually-hidden">{` the letter seen ${ago(letter.lastSeen, nowMs)}`}</span>
                          …
                        </button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
              <button type="button" class="button" onClick={redrive}>
                {`Send ${counted(total, "dead letter")} again…`}
              </button>
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

const LOSS_TONES: Readonly<Record<string, Tone>> = { open: "warn", lost: "danger" };

function Losses() {
  const { nowMs } = useConsole();
  const report = useReport<LossesReport>("/losses", 30_000);
  return (
    <Card title="Denials and losses" aside="sectors that hosts reported missing or corrupt">
      <Loaded report={report}>
        {({ losses }) =>
          losses.length === 0 ? (
            <Empty icon="check" title="No host denied a sector" />
          ) : (
            <Table label="Denials and losses">
              <thead>
                <tr>
                  <th scope="col">Last denied</th>
                  <th scope="col">State</th>
                  <th scope="col">Host</th>
                  <th scope="col">Sector</th>
                  <th scope="col">Slabs</th>
                  <th scope="col" class="number">
                    Denied
                  </th>
                </tr>
              </thead>
              <tbody>
                {losses.map((loss) => (
                  <tr key={`${loss.root}${loss.host}`}>
                    <td>{ago(loss.lastDeniedAt, nowMs)}</td>
                    <td>
                      <Tag tone={LOSS_TONES[loss.state] ?? "quiet"}>
                        {loss.isBadForGood ? `${loss.state}, bad for good` : loss.state}
                      </Tag>
                    </td>
                    <td class="mono">{loss.host === null ? "deleted" : shortKey(loss.host)}</td>
                    <td class="mono">{shortKey(loss.root)}</td>
                    <td>
                      <SlabLinks slabs={loss.slabs} />
                    </td>
                    <td class="number">{counted(loss.denials, "time")}</td>
                  </tr>
                ))}
              </tbody>
            </Table>
          )
        }
      </Loaded>
    </Card>
  );
}
