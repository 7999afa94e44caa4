import { installPlatform } from "./evaluate.ts";

export default async function setup(): Promise<void> {
  await installPlatform();
}
