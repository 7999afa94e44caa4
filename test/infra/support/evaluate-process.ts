/**
 * The evaluating process. Like `sst deploy` it bundles sst.config.ts with SST's components, provides SST's globals and
 * runs the bundle under Pulumi. There are two differences: Pulumi's engine is a mock that records the requested
 * resources, and scripts/bundle.ts bundles the functions.
 */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire, isBuiltin } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { FUNCTIONS, type FunctionName } from "../../../infra/function-settings.ts";
import { bundleFunction } from "../../../scripts/bundle.ts";
import { PLATFORM, REPOSITORY } from "./evaluate.ts";
import type { Evaluation, EvaluationRequest, Resource } from "./evaluation.ts";

const ACCOUNT = "123456789012";
const REGION = "eu-central-1";
const STACK = "pulumi:pulumi:Stack";

const [folder = ""] = process.argv.slice(2);
const request = JSON.parse(await readFile(join(folder, "request.json"), "utf8")) as EvaluationRequest;
const platformRequire = createRequire(join(PLATFORM, "package.json"));
const outfile = join(PLATFORM, `slabmend-infra-test-${randomUUID()}.mjs`);

// The parts of Pulumi's packages that are used here. The packages are not our dependencies, so their types are missing.
interface Pulumi {
  readonly runtime: {
    setMocks(mocks: object, project: string, stack: string, preview: boolean): Promise<void>;
    runInPulumiStack(program: () => Promise<unknown>): Promise<unknown>;
  };
  output(value: unknown): { promise(): Promise<unknown> };
}
const pulumi = platformRequire("@pulumi/pulumi") as Pulumi;
const settings = platformRequire("@pulumi/pulumi/runtime/settings") as {
  waitForRPCs(disconnect?: boolean): Promise<void>;
  getMonitor(): {
    registerResource(request: RegisterRequest, ...rest: readonly unknown[]): unknown;
  };
};
interface RegisterRequest {
  getName(): string;
  /** URNs of the resources on which the registered resource depends. Each URN ends in the name of its resource. */
  getDependenciesList(): readonly string[];
}

const registered: Resource[] = [];
const dependencies: Record<string, readonly string[]> = {};

/**
 * Pulumi's mocks do not see the dependencies between resources, so this function reads them from each request that
 * registers a resource.
 */
function noteDependencies(): void {
  const monitor = settings.getMonitor();
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, ...rest) => {
    const names = request.getDependenciesList().map((urn) => urn.slice(urn.lastIndexOf("::") + 2));
    dependencies[request.getName()] = names.toSorted();
    return register(request, ...rest);
  };
}

/** ARNs and ids in AWS's form, derived from the logical name without a random suffix. */
function stateOf(type: string, name: string, inputs: Record<string, unknown>): Record<string, unknown> {
  const service = /^aws:([^/]+)\//.exec(type)?.[1] ?? "none";
  const arn = (path: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${path}`;
  switch (type) {
    case "aws:sqs/queue:Queue":
      return { arn: arn(name), url: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}`, name };
    case "aws:lambda/function:Function":
      return { arn: arn(`function:${name}`), name };
    case "aws:cloudwatch/logGroup:LogGroup":
      return { arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${String(inputs["name"])}` };
    case "aws:iam/role:Role":
      return { arn: `arn:aws:iam::${ACCOUNT}:role/${name}`, name };
    case "random:index/randomBytes:RandomBytes":
      return { base64: "AAAA", hex: "00" };
    default:
      return { arn: arn(name), name };
  }
}

const mocks = {
  newResource({ type, name, inputs }: Resource & { inputs: Record<string, unknown> }) {
    registered.push({ type, name, inputs });
    return { id: `${name}-id`, state: { ...stateOf(type, name, inputs), ...inputs } };
  },
  call({ token, inputs }: { token: string; inputs: Record<string, unknown> }) {
    switch (token) {
      case "aws:index/getRegion:getRegion":
        return { region: REGION, name: REGION };
      case "aws:index/getPartition:getPartition":
        return { partition: "aws" };
      case "aws:index/getCallerIdentity:getCallerIdentity":
        return { accountId: ACCOUNT };
      case "aws:index/getAvailabilityZones:getAvailabilityZones":
        return { names: [`${REGION}a`, `${REGION}b`, `${REGION}c`], zoneIds: ["1", "2", "3"] };
      case "aws:ec2/getAmi:getAmi":
        return { id: "ami-0" };
      case "aws:iam/getPolicyDocument:getPolicyDocument":
        // The real provider computes `json` from the statements. The mock returns the statements too, because without
        // them SST leaves the policy out.
        return { ...inputs, json: JSON.stringify(inputs["statements"]) };
      default:
        return inputs;
    }
  },
};

/**
 * Loads the platform's packages by `require`, for two reasons. First, Pulumi's packages are CommonJS with lazy exports,
 * which a named import would not find. Second, the configuration must use the package instances on which this file sets
 * the mocks.
 */
const packagesAreRequired: Plugin = {
  name: "packages-are-required",
  setup(builder) {
    builder.onResolve({ filter: /^[^./]/ }, ({ path, namespace, importer }) => {
      if (namespace === "required") return { path, external: true };
      const isOurs = !importer.startsWith(PLATFORM) && !path.startsWith("@pulumi/");
      return isOurs || isBuiltin(path) ? null : { path, namespace: "required" };
    });
    builder.onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

const builds = new Map<FunctionName, Promise<object>>();

/** Bundles each function only once, because all indexers have the same three functions. */
function builtOnce(name: FunctionName): Promise<object> {
  const built = builds.get(name) ?? bundle(name);
  builds.set(name, built);
  return built;
}

async function bundle(name: FunctionName): Promise<object> {
  const { directory, handler } = await bundleFunction(name, join(folder, "bundles", name));
  // These files are removed from the bundle, because SST itself copies them into the zip.
  for (const { to } of FUNCTIONS[name].copyFiles) await rm(join(directory, to));
  return { handler, out: directory, errors: [], sourcemaps: [] };
}

async function answer(method: string, parameters: Record<string, unknown>): Promise<unknown> {
  if (method === "Provider.Aws.Bootstrap")
    return { asset: "sst-asset", assetEcrUrl: "ecr", state: "sst-state" };
  if (method === "Runtime.Build") {
    const found = Object.entries(FUNCTIONS).find(([, { handler }]) => handler === parameters["handler"]);
    if (found === undefined) throw new Error(`no function has the handler ${String(parameters["handler"])}`);
    return await builtOnce(found[0] as FunctionName);
  }
  throw new Error(`rpc: can't find method ${method}`);
}

const server = createServer((incoming, response) => {
  let body = "";
  incoming.on("data", (chunk) => {
    body += chunk;
  });
  incoming.on("end", () => {
    const { method, params } = JSON.parse(body) as { method: string; params: [Record<string, unknown>] };
    answer(method, params[0]).then(
      (result) => response.end(JSON.stringify({ result })),
      (error) => response.end(JSON.stringify({ error: String(error) })),
    );
  });
});

async function loadConfig(app: object): Promise<{ run(): Promise<unknown>; app(): object }> {
  const paths = { home: folder, root: REPOSITORY, work: join(folder, "work"), platform: PLATFORM };
  await build({
    stdin: {
      contents: `
        import * as aws from "@pulumi/aws";
        import * as sst from ${JSON.stringify(join(PLATFORM, "src/components"))};
        globalThis.aws = aws;
        globalThis.sst = sst;
        import { run } from ${JSON.stringify(join(PLATFORM, "src/auto/run.ts"))};
        import config from ${JSON.stringify(join(REPOSITORY, "sst.config.ts"))};
        export default { run: () => run(config.run), app: () => config.app({ stage: ${JSON.stringify(request.stage)} }) };`,
      resolveDir: REPOSITORY,
      loader: "ts",
    },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2023",
    mainFields: ["module", "main"],
    nodePaths: [join(PLATFORM, "node_modules")],
    plugins: [packagesAreRequired],
    define: {
      $app: JSON.stringify(app),
      $cli: JSON.stringify({ command: "deploy", paths, env: {}, state: { version: {} } }),
      $dev: "false",
    },
    inject: [join(PLATFORM, "src/shim/run.js")],
    banner: {
      js: `import { createRequire as topLevelCreateRequire } from "module";
        const require = topLevelCreateRequire(import.meta.url);
        import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url";
        const __filename = topLevelFileUrlToPath(import.meta.url);
        const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url));`,
    },
    logLevel: "silent",
  });
  const loaded = (await import(pathToFileURL(outfile).href)) as {
    default: { run(): Promise<unknown>; app(): object };
  };
  return loaded.default;
}

async function evaluateConfig(): Promise<Evaluation> {
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  process.env["SST_SERVER"] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const app = { name: "slabmend", stage: request.stage, removal: "remove", providers: {}, protect: false };
  await pulumi.runtime.setMocks(mocks, app.name, app.stage, false);
  noteDependencies();
  const config = await loadConfig(app);
  let outputs: unknown;
  await pulumi.runtime.runInPulumiStack(async () => {
    outputs = await config.run();
    return outputs;
  });
  await settings.waitForRPCs();
  const byName = (a: Resource, b: Resource): number => (a.type + a.name < b.type + b.name ? -1 : 1);
  return {
    kind: "evaluated",
    app: config.app() as Record<string, unknown>,
    outputs: (await pulumi.output(outputs).promise()) as Record<string, unknown>,
    // SST's components are left out, because they only group resources.
    resources: registered.filter(({ type }) => !type.startsWith("sst:")).toSorted(byName),
    dependencies,
  };
}

async function finish(evaluation: Evaluation): Promise<never> {
  await rm(outfile, { force: true });
  // The write is synchronous: during an asynchronous write an unhandled rejection in Pulumi might end this process.
  writeFileSync(join(folder, "evaluation.json"), JSON.stringify(evaluation, null, 1));
  // Pulumi keeps the process alive after an error.
  process.exit(0);
}

// A failure in an output that nothing awaits is reported only here. Such a failure ends `sst deploy`, too.
process.on("unhandledRejection", (error) => void finish(refusal(error)));

function refusal(error: unknown): Evaluation {
  const message = error instanceof Error ? error.message : String(error);
  // The stack is left out, because Pulumi registers it before it runs the program.
  return { kind: "refused", message, registered: registered.filter(({ type }) => type !== STACK) };
}

await finish(await evaluateConfig().catch(refusal));
