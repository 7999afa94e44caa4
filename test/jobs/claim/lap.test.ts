import { expect, test } from "vitest";
import { Lap, type LapPage } from "../../../lib/jobs/claim/lap.ts";

/** "100>0" from sector 100 to the end, "100:7" behind slab 7 of the sector behind; "!" something was left behind. */
function pageOf(text: string): LapPage {
  const [from, next] = text.replace("!", "").split(">");
  const position = (at: string) => {
    const [sector, slab = "0"] = at.split(":");
    return { sector: BigInt(sector!), slab: BigInt(slab) };
  };
  return { from: position(from!), next: position(next!), passed: !text.endsWith("!") };
}

test.each<[string, string]>([
  ["nothing is bad", "0>0"],
  ["all in one page", "0>0"],
  ["from the beginning", "0>60 60>0"],
  ["from the middle", "60>0 0>60"],
  ["to a page that ends behind the start", "60>0 0>80"],
  ["the start is behind the last bad sector, and one page has all", "100>0 0>0"],
  ["the start is behind the last bad sector, and two pages have all", "100>0 0>60 60>0"],
  ["the start is in the middle of a sector", "60:7>60:9 60:9>0 0>60:3 60:3>60:7"],
  ["in the middle of the very first sector", "0:7>0 0>0:5 0:5>0:7"],
  ["of which the rest is gone", "0:7>0 0>0"],
  ["somebody else does the end", "60>80 0>60"],
  ["somebody else does the end and the beginning", "60>80 30>60"],
  ["a page is tried again until nothing is left behind", "60>60! 60>0 0>0! 0>40 40>40! 40>60"],
  ["at the beginning too", "0>0! 0>0! 0>0"],
  ["one of several pages at the beginning", "0>0! 0>60 60>0"],
])("a lap is completed by the last of its pages: %s", (_, pages) => {
  const lap = new Lap();
  const completed = pages.split(" ").map((text) => lap.completedBy(pageOf(text)));
  expect(completed).toEqual(completed.map((_one, n) => n === completed.length - 1));
});
