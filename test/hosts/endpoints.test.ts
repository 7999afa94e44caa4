import { expect, test } from "vitest";
import { findEndpoints } from "../../lib/hosts/endpoints.ts";
import { hostKey } from "../rhp4/samples.ts";

const names: Readonly<Record<string, readonly string[]>> = {
  "good.example": ["8.8.8.8", "2606:4700::1"],
  "mixed.example": ["10.0.0.1", "9.9.9.9", "169.254.169.254"],
  "evil.example": ["127.0.0.1", "169.254.169.254", "::1"],
  "many.example": Array.from({ length: 1000 }, (_, i) => `8.8.${i >> 8}.${i & 255}`),
};

function find(addresses: readonly string[], allowPrivateAddresses = false) {
  const asked: string[] = [];
  const resolveName = async (name: string) => {
    asked.push(name);
    const found = names[name];
    if (!found) throw Object.assign(new Error(`${name}: not found`), { code: "ENOTFOUND" });
    return found;
  };
  const endpoints = findEndpoints(
    { hostKey, addresses },
    { resolveName, allowPrivateAddresses },
    new AbortController().signal,
  );
  return { endpoints, asked };
}

test("endpoints are resolved with alternating families in the announced order", async () => {
  const { endpoints } = find(["9.9.9.9:1", "good.example:2", "[2a01::1]:3", "1.1.1.1:4"]);
  expect(await endpoints).toEqual([
    { ip: "9.9.9.9", port: 1 },
    { ip: "2606:4700::1", port: 2 },
    { ip: "8.8.8.8", port: 2 },
    { ip: "2a01::1", port: 3 },
    { ip: "1.1.1.1", port: 4 },
  ]);
});

test("only the public addresses of a name are kept", async () => {
  expect(await find(["mixed.example:9984"]).endpoints).toEqual([{ ip: "9.9.9.9", port: 9984 }]);
});

test.each([
  [["evil.example:9984"]],
  [["127.0.0.1:9984", "[::1]:9984"]],
  [["[::ffff:169.254.169.254]:80"]],
  [["[::]:9984", "0.0.0.0:9984"]],
  [["nonsense", "http://x"]],
  [[]],
])("%j is refused", async (addresses) => {
  await expect(find(addresses).endpoints).rejects.toMatchObject({
    code: "address-refused",
    isHostFault: true,
  });
});

test("private addresses are kept if they are allowed", async () => {
  expect(await find(["[::]:9984", "127.0.0.1:9984"], true).endpoints).toEqual([
    { ip: "::", port: 9984 },
    { ip: "127.0.0.1", port: 9984 },
  ]);
});

test("an unresolvable name is skipped, and a host with no other address is unreachable", async () => {
  expect(await find(["gone.example:1", "8.8.4.4:2"]).endpoints).toEqual([{ ip: "8.8.4.4", port: 2 }]);
  await expect(find(["gone.example:1"]).endpoints).rejects.toMatchObject({ code: "unreachable" });
});

test("the work for many addresses, or for a name with a thousand addresses, is limited", async () => {
  const { endpoints, asked } = find(Array.from({ length: 50 }, () => "many.example:9984"));
  expect((await endpoints).length).toBe(8);
  expect(asked.length).toBe(8);
});
