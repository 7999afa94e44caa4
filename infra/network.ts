import type { StageSettings } from "./settings.ts";

/**
 * By default there is no VPC: functions reach the internet without a NAT, and a NAT would make the traffic with the
 * hosts more expensive. A private database needs a VPC. A new VPC gets NAT instances, for a few dollars a month each,
 * instead of NAT gateways, which cost 0.045 dollars per GB.
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

/** The address range of all of SST's VPCs (vpc.ts of its platform); SST has no setting for the range. */
const VPC_CIDR = "10.0.0.0/16";

/**
 * SST's VPC, but its NAT instances accept no connections from outside and have no permissions at AWS:
 * docs/decisions/0027-aws.md.
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
        // Without an instance profile there are no credentials on the machine.
        delete instance.iamInstanceProfile;
        instance.rootBlockDevice = { encrypted: true };
      },
    },
  });
}
