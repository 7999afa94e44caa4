// The import direction of docs/architecture.md. A folder may import from its own floor's folder and from lower floors
// only. A folder that is on no floor fails the check.
const FLOORS = [
  ["lib/errors"],
  ["lib/clock", "lib/secret"],
  ["lib/slab", "lib/network"],
  ["lib/rhp4", "lib/merkle", "lib/config"],
  ["lib/kernel", "lib/keys"],
  ["lib/siamux", "lib/erasure"],
  ["lib/hosts"],
  ["lib/database/client"],
  ["lib/database/indexd"],
  ["lib/database/denials", "lib/database/leases", "lib/database/schema", "lib/database/journal"],
  ["lib/database/backlog", "lib/database/fleet", "lib/database/runs"],
  ["lib/database/move"],
  [
    "lib/database/reports",
    "lib/database/verify",
    "lib/database/lifecycle",
    "lib/database/restore",
    "lib/database/drain",
  ],
  ["lib/placement", "lib/queue", "lib/telemetry", "lib/archive"],
  ["lib/jobs/backlog", "lib/jobs/send-leases", "lib/jobs/repair", "lib/jobs/journal"],
  ["lib/jobs/claim", "lib/jobs/reap", "lib/jobs/maintenance"],
  ["lib/jobs/verify", "lib/jobs/move-database", "lib/jobs/drain"],
  ["lib/jobs/restore"],
  ["lib/reports"],
  ["lib/console"],
  ["lib/worker"],
  ["lib/lifecycle"],
  ["lib/cli/command"],
  ["lib/server"],
  ["lib/cli/commands"],
  ["lib/cli"],
  ["functions", "infra"],
  ["dev"],
  ["bin"],
];

const pattern = (folder) => `^${folder}/`;
const named = FLOORS.flat();
// The longest name wins: lib/cli/command is not lib/cli.
const within = (folder) => named.filter((other) => other !== folder && other.startsWith(`${folder}/`)).map(pattern);
const from = (folder) => ({ path: pattern(folder), pathNot: within(folder) });

const directions = FLOORS.flatMap((floor, height) =>
  floor.map((folder) => ({
    name: `${folder}-imports-from-lower-floors-only`,
    severity: "error",
    from: from(folder),
    to: {
      path: "^(lib|functions|infra|dev|bin|test|bench)/",
      pathNot: [folder, ...FLOORS.slice(0, height).flat()].map(pattern),
    },
  })),
);

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...directions,
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    { name: "no-circular-folders", severity: "error", scope: "folder", from: {}, to: { circular: true } },
    {
      name: "folder-on-no-floor",
      comment: "Add the folder to a floor above.",
      severity: "error",
      from: { path: "^(lib|functions|infra|dev|bin)/", pathNot: named.map(pattern) },
      to: {},
    },
    {
      name: "local-is-only-for-machines-of-ours",
      comment: "What users run must not know the local runtime.",
      severity: "error",
      from: { path: "^(functions|infra|lib)/" },
      to: { path: "^dev/" },
    },
    {
      name: "wire-stands-alone",
      comment: "siamux and rhp4 need only a duplex stream; they know no settings.",
      severity: "error",
      from: { path: "^lib/(siamux|rhp4|kernel|merkle|erasure|keys)/" },
      to: { path: "^lib/(config|network)/" },
    },
    {
      name: "deciding-is-pure",
      comment: "Placement decides; it reads no clock, socket, file or database.",
      severity: "error",
      from: { path: "^lib/placement/" },
      to: { path: "^lib/(database|hosts|rhp4|siamux|config|clock)/|^node_modules/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-dev-dependency-in-production",
      severity: "error",
      // The console is bundled: its packages are in the bundle, and esbuild is needed in a clone only.
      from: { path: "^(functions|lib)/", pathNot: "^lib/console/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
