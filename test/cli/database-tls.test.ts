/** The messages of a command and of doctor for a server whose TLS does not match the URL. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates, TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Certificate, makeCertificate } from "../support/certificates.ts";
import { useDatabase } from "../support/database.ts";
import { runCli } from "./run-cli.ts";

const SECRET = "hunter2canary";
const authority = makeCertificate({ name: "an authority", isAuthority: true });
const usual = getCACertificates("default");
beforeAll(() => setDefaultCACertificates([...usual, authority.cert]));
afterAll(() => setDefaultCACertificates(usual));

/** Runs a server that accepts TLS as PostgreSQL does and presents this certificate. */
async function serve(certificate: Certificate, use: (port: number) => Promise<void>): Promise<void> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("S");
      const { cert, key } = certificate;
      new TLSSocket(socket, { isServer: true, cert, key: key.export({ type: "pkcs8", format: "pem" }) }).on(
        "error",
        () => {},
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

async function expectRefusal(url: string, code: string, remedy: RegExp): Promise<void> {
  const environment = { SLABMEND_DATABASE_URL: url };
  const status = await runCli(["status", "--json"], { environment });
  expect([status.code, status.error?.code]).toEqual([4, code]);
  expect(status.error?.message).toMatch(/expected .* got/);
  expect(status.error?.remedy).toMatch(remedy);
  // doctor gives the same remedy in one of its checks, and still makes all other checks.
  const doctor = await runCli(["doctor", "--json"], { environment });
  const { checks } = doctor.json as { checks: { code: string; level: string; remedy?: string }[] };
  expect(doctor.code).toBe(6);
  expect(checks.find(({ code }) => code === "database")).toMatchObject({
    level: "failure",
    remedy: status.error?.remedy,
  });
  expect(checks.map(({ code }) => code)).toContain("queue");
  expect(status.err + doctor.out).not.toContain(SECRET);
}

const hourAgo = Date.now() - 2 * 3_600_000;
describe("an invalid certificate", () => {
  test.each([
    ["its own authority", { name: "localhost" }, /SLABMEND_DATABASE_CA/],
    [
      "another authority's",
      { name: "localhost", issuer: makeCertificate({ name: "another authority", isAuthority: true }) },
      /SLABMEND_DATABASE_CA/,
    ],
    ["an expired certificate", { name: "localhost", issuer: authority, validAtMs: hourAgo }, /[Rr]enew/],
    [
      "a certificate that is not yet valid",
      { name: "localhost", issuer: authority, validAtMs: Date.now() + 7_200_000 },
      /clock/,
    ],
    ["another host's", { name: "db.example.com", issuer: authority }, /name/],
  ])("%s", async (_name, options, remedy) => {
    await serve(makeCertificate(options), (port) =>
      expectRefusal(
        `postgres://u:${SECRET}@localhost:${port}/x?sslmode=verify-full`,
        "certificate-refused",
        remedy,
      ),
    );
  });
});

describe("a server without TLS", () => {
  const database = useDatabase();

  test.each(["require", "verify-full"])("sslmode=%s", async (mode) => {
    await expectRefusal(`${database.url}?sslmode=${mode}`, "tls-refused", /ssl = on.*sslmode=disable/);
  });
});
