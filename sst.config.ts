/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  app(input) {
    return {
      name: "slabmend",
      home: "aws",
      // The queue and its dead letters hold no metadata, but a production stage is never removed by mistake.
      removal: input?.stage === "production" ? "retain" : "remove",
      protect: input?.stage === "production",
    };
  },
  async run() {
    const { deployFleet } = await import("./infra/fleet.ts");
    return deployFleet();
  },
});
