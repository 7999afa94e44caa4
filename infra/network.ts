import type { StageSettings } from "./settings.ts";

/**
 * None by default: a function reaches the internet without a NAT, and every NAT charges for what hosts send. A database
 * that is not public needs one; then a NAT instance (a few dollars a month) rather than a gateway, which takes
 * 0.045 dollars for each GB that passes.
 */
export function createNetwork(settings: StageSettings) {
  switch (settings.SLABMEND_VPC) {
    case "none":
      return undefined;
    case "new":
      return new sst.aws.Vpc("Network", { az: 2, nat: "ec2" });
    case "existing":
      return {
        privateSubnets: settings.SLABMEND_VPC_SUBNETS,
        securityGroups: settings.SLABMEND_VPC_SECURITY_GROUPS,
      };
  }
}
