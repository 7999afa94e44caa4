/**
 * The emulators of AWS that a run can start: fauxqs in this process, the others where scripts/install-emulators.sh put
 * them.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startQueueServer } from "../../../dev/aws/queue-server.ts";
import { type EmulatorCommand, startEmulator } from "./emulator-process.ts";
import { type AwsEndpoint, EMULATOR_CREDENTIALS, EMULATOR_REGION } from "./endpoint.ts";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
const FOLDER = process.env["SLABMEND_EMULATORS"] || join(REPOSITORY, ".slabmend/emulators");
const LOCALSTACK_ON_LOOPBACK = fileURLToPath(
  new URL("../emulators/localstack_on_loopback.py", import.meta.url),
);

export interface Emulator {
  readonly name: string;
  /** Why the emulator cannot be started here, with a remedy. */
  readonly missing?: string;
  start(): Promise<AwsEndpoint>;
}

const COMMON = { isPinned: true, region: EMULATOR_REGION, credentials: EMULATOR_CREDENTIALS };

export const FAUXQS: Emulator = {
  name: "fauxqs",
  async start() {
    const server = await startQueueServer();
    return {
      ...COMMON,
      name: "fauxqs",
      checksPermissions: false,
      hasBatchRights: false,
      url: server.url,
      log: [],
      stop: () => server.stop(),
    };
  },
};

export const MINISTACK: Emulator = installed({
  name: "MiniStack",
  folder: "ministack",
  args: ["-m", "ministack"],
  healthPath: "/_ministack/health",
  checksPermissions: true,
  hasBatchRights: true,
  environment: (port) => ({
    BIND_HOST: "127.0.0.1",
    MINISTACK_HOST: "127.0.0.1",
    GATEWAY_PORT: String(port),
    MINISTACK_REGION: EMULATOR_REGION,
    MINISTACK_ACCOUNT_ID: EMULATOR_CREDENTIALS.accessKeyId,
    // Signatures are checked, and a function has only the permissions of its role's policies.
    AUTH: "true",
    // No additional servers on other ports.
    SFTP_ENABLED: "0",
    IOT_MTLS_ENABLED: "0",
  }),
});

export const LOCALSTACK: Emulator = installed({
  name: "LocalStack",
  folder: "localstack",
  args: [LOCALSTACK_ON_LOOPBACK],
  healthPath: "/_localstack/health",
  checksPermissions: false,
  hasBatchRights: false,
  environment: (port, folder) => ({
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    LOCALSTACK_HOST: `127.0.0.1:${port}`,
    // A queue's name is in the path of its URL. By default it would be in the host name, which does not resolve.
    SQS_ENDPOINT_STRATEGY: "path",
    SERVICES: "sqs,s3",
    STRICT_SERVICE_LOADING: "1",
    DNS_ADDRESS: "0",
    DISABLE_EVENTS: "1",
    SKIP_SSL_CERT_DOWNLOAD: "1",
    // In a container LocalStack would otherwise assume that it runs in its official image, and write to /var/lib.
    OVERRIDE_IN_DOCKER: "0",
    FILESYSTEM_ROOT: join(folder, "files"),
  }),
});

function installed({
  folder,
  checksPermissions,
  hasBatchRights,
  ...emulator
}: Omit<EmulatorCommand, "command"> & {
  readonly folder: string;
  readonly checksPermissions: boolean;
  readonly hasBatchRights: boolean;
}): Emulator {
  const { name } = emulator;
  const command = join(FOLDER, folder, "bin/python3");
  const isThere = existsSync(join(FOLDER, folder, "installed.txt"));
  return {
    name,
    ...(isThere ? {} : { missing: `${name} is not installed: run scripts/install-emulators.sh ${folder}` }),
    async start() {
      return {
        ...COMMON,
        checksPermissions,
        hasBatchRights,
        name,
        ...(await startEmulator({ ...emulator, command })),
      };
    },
  };
}
