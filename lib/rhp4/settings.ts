import { callRpc } from "./call.ts";
import { encodeSuccess, expectSuccess } from "./framing.ts";
import { encodeHostSettings, type HostSettings, readHostSettings } from "./host-settings.ts";
import type { ByteSource } from "./message-reader.ts";
import type { RpcStream } from "./rpc-stream.ts";

export function encodeSettingsResponse(settings: HostSettings): Uint8Array {
  return encodeSuccess(encodeHostSettings(settings));
}

export async function readSettingsResponse(source: ByteSource): Promise<HostSettings> {
  await expectSuccess(source);
  return readHostSettings(source);
}

/**
 * Asks a host for its settings; the call is free. The prices in the settings are not verified here: see
 * verifyHostPrices.
 */
export function settings(stream: RpcStream): Promise<HostSettings> {
  return callRpc(stream, "Settings", new Uint8Array(0), readSettingsResponse);
}
