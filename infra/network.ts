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
      return createVpc();
    case "existing":
      return {
        privateSubnets: settings.SLABMEND_VPC_SUBNETS,
        securityGroups: settings.SLABMEND_VPC_SECURITY_GROUPS,
      };
  }
}

/** All that SST gives its VPCs (vpc.ts of its platform), which has no setting for it. */
const VPC_CIDR = "10.0.0.0/16";

/**
 * SST's, but its NAT instances accept no connection from outside and have no rights at AWS: docs/decisions/0027-aws.md.
 */
function createVpc() {
  $transform(aws.iam.Role, (role: aws.iam.RoleArgs, _options: unknown, name: string) => {
    if (name === "NetworkNatInstanceRole") role.managedPolicyArns = [];
  });
  return new sst.aws.Vpc("Network", {
    az: 2,
    nat: "ec2",
    transform: {
      natSecurityGroup: (group: aws.ec2.SecurityGroupArgs) => {
        group.ingress = [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: [VPC_CIDR] }];
      },
      natInstance: (instance: aws.ec2.InstanceArgs) => {
        // Without a profile there are no credentials on the machine.
        delete instance.iamInstanceProfile;
        instance.rootBlockDevice = { encrypted: true };
      },
    },
  });
}
