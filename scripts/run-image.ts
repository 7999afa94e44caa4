/**
 * Starts slabmend from an unpacked image on a local network of hosts, as the image's user and with a read-only root.
 * Checks slabmend's health and ends it by SIGTERM. Called by scripts/test-container.sh with SLABMEND_IMAGE_ROOT and
 * SLABMEND_IMAGE_USER.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEnv } from "node:util";
import { startWorld } from "../dev/playground/start-world.ts";

const LIMIT_MS = 240_000;
const signal = AbortSignal.timeout(LIMIT_MS);
const { SLABMEND_IMAGE_ROOT: root = "", SLABMEND_IMAGE_USER: user = "" } = process.env;
const PORT = 18_484;

await using stack = new AsyncDisposableStack();
const options = { slabs: 1, hosts: 4, minShards: 2, totalShards: 3, workers: 1, seed: "image" };
const { variablesFile } = await startWorld(stack, options, { signal, say: () => {} });
const variables = parseEnv(await readFile(variablesFile, "utf8")) as Record<string, string>;
// As with a container engine: the root is read-only, /state and /tmp are writable, and SIGTERM goes directly to
// slabmend.
const script = [
  'mount --rbind "$0" "$0" && mount -o remount,bind,ro "$0"',
  'mount -t tmpfs -o uid=10001,mode=700 none "$0/state" && mount -t tmpfs none "$0/tmp" && mount -t proc none "$0/proc"',
  'mount --rbind /dev "$0/dev"',
  'exec chroot --userspec="$1" "$0" node /opt/slabmend/bin/slabmend.js serve --listen "127.0.0.1:$2" --concurrency 1',
].join(" && ");
const child = spawn("unshare", ["--mount", "sh", "-c", script, root, user, String(PORT)], {
  env: { ...variables, PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", STATE_DIRECTORY: "/state" },
});
stack.defer(() => void child.kill("SIGKILL"));
let text = "";
for (const stream of [child.stdout, child.stderr])
  stream.setEncoding("utf8").on("data", (part) => (text += part));
const closed = once(child, "close");

const health = async (): Promise<boolean> =>
  await fetch(`http://127.0.0.1:${PORT}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
while (!(await health())) {
  signal.throwIfAborted();
  if (child.exitCode !== null) {
    await closed;
    throw new Error(`it ended with ${child.exitCode}:\n${text}`);
  }
  await sleep(100);
}
const status = await readFile(`/proc/${child.pid}/status`, "utf8");
assert.match(status, /^Uid:\t10001\t10001/m);
const mounts = await readFile(`/proc/${child.pid}/mountinfo`, "utf8");
assert.match(mounts, / \/ ro[, ]/, mounts);
child.kill("SIGTERM");
const [code] = await closed;
assert.equal(code, 0, text);
console.log("the image serves as user 10001 on a read-only root, is healthy, and drains on SIGTERM with 0");
