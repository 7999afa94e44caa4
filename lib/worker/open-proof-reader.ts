import type { Clock } from "../clock/clock.ts";
import type { Environment } from "../config/parse-environment.ts";
import { createHostDialer } from "../hosts/dial-host.ts";
import { createHostPool, type HostPool } from "../hosts/host-pool.ts";
import { createKernel, type Kernel } from "../kernel/kernel.ts";
import { accountKeyFromSeed } from "../keys/account-key.ts";

/** The kernel's memory: enough for leaf proofs, for which alone this kernel is used. */
const KERNEL_BYTES = 16 * 1_048_576;
/**
 * A batch of proofs from one host is requested at once: proofs are small, and a round trip takes longer than all else.
 */
const PROOFS_PER_HOST = 64;

/** Connections to hosts for leaf proofs, and the kernel that verifies the proofs. Connects at the first request. */
export function openProofReader(
  environment: Pick<Environment, "SLABMEND_MIGRATION_SEED" | "SLABMEND_ALLOW_PRIVATE_ADDRESSES">,
  clock: Clock,
): { readonly hosts: HostPool; readonly kernel: Kernel } {
  const hosts = createHostPool({
    clock,
    account: accountKeyFromSeed(environment.SLABMEND_MIGRATION_SEED.reveal()),
    dialer: createHostDialer({ clock, allowPrivateAddresses: environment.SLABMEND_ALLOW_PRIVATE_ADDRESSES }),
    config: { maxRpcsPerHost: PROOFS_PER_HOST },
  });
  return { hosts, kernel: createKernel({ memoryBytes: KERNEL_BYTES }) };
}
