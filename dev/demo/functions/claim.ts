import { createClaimHandler } from "../../../functions/claim.ts";
import { CLAIM_SETTINGS } from "./settings.ts";

export const handler = createClaimHandler({ settings: CLAIM_SETTINGS });
