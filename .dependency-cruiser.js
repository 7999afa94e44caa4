// The import direction of docs/architecture.md: functions -> use cases -> adapters -> nouns. Never backwards.
const useCases = "^lib/(claim|repair|reap)/";
const adapters = "^lib/(placement|hosts|rhp4|siamux|kernel|merkle|erasure|keys|store|queue|indexd|config|telemetry)/";

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "local-is-only-for-machines-of-ours",
      comment: "What runs on AWS must not know the local runtime.",
      severity: "error",
      from: { path: "^(functions|infra)/|^lib/(?!local/)" },
      to: { path: "^lib/local/" },
    },
    {
      name: "adapters-know-no-use-case",
      severity: "error",
      from: { path: adapters },
      to: { path: `${useCases}|^functions/|^bin/` },
    },
    {
      name: "use-cases-do-not-know-each-other",
      severity: "error",
      from: { path: "^lib/(claim|repair|reap)/" },
      to: { path: useCases, pathNot: "^lib/$1/" },
    },
    {
      name: "nouns-know-nobody",
      severity: "error",
      from: { path: "^lib/(slab|errors)/" },
      to: { path: "^(lib|functions|bin|infra)/", pathNot: "^lib/(slab|errors)/" },
    },
    {
      name: "wire-stands-alone",
      comment: "siamux and rhp4 need only a duplex; they know no database and no queue.",
      severity: "error",
      from: { path: "^lib/(siamux|rhp4|kernel|merkle|erasure|keys)/" },
      to: { path: "^lib/(store|queue|indexd|placement|hosts|config)/" },
    },
    {
      name: "deciding-is-pure",
      comment: "Placement decides; it reads no clock, socket, file or database.",
      severity: "error",
      from: { path: "^lib/placement/" },
      to: { path: "^lib/(store|queue|hosts|rhp4|siamux|config)/|^node_modules/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-dev-dependency-in-production",
      severity: "error",
      from: { path: "^(functions|lib)/", pathNot: "^lib/local/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "operators-only-from-the-command-line",
      severity: "error",
      comment: "The demo is an operator too: its functions work under the role that `slabmend grant` makes.",
      from: { path: "^(functions|infra|lib)/", pathNot: "^lib/(operator|local/demo)/" },
      to: { path: "^lib/operator/" },
    },
    { name: "not-to-tests", severity: "error", from: { path: "^(functions|lib|bin|infra)/" }, to: { path: "^(test|bench)/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
