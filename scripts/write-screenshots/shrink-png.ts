/**
 * Makes a screenshot smaller: a PNG of 256 colours instead of 16 million. A page has only a few colours, and mixtures
 * of these at the edges of letters, so the difference is not visible.
 */
import { crc32, deflateSync, inflateSync } from "node:zlib";

/** Two colours closer than this (squared distance) share an entry of the palette. */
const NEAR = 8;
const MOST_COLOURS = 256;

/** @param png of 8 bits a channel, RGB or RGBA, not interlaced, as Chromium writes it; transparency is dropped */
export function shrinkPng(png: Buffer): Buffer {
  const { width, height, pixels } = decode(png);
  const counts = new Map<number, number>();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const palette = choosePalette(counts);
  const nearest = new Map([...counts.keys()].map((colour) => [colour, nearestIn(palette, colour)]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = nearest.get(pixels[y * width + x]!)!;
  }
  const head = Buffer.from(png.subarray(16, 29));
  head.set([8, 3, 0, 0, 0], 8); // 8 bits, of a palette
  return Buffer.concat([
    png.subarray(0, 8),
    chunk("IHDR", head),
    chunk(
      "PLTE",
      Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255])),
    ),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function decode(png: Buffer): { width: number; height: number; pixels: Uint32Array } {
  const [width, height, type] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25]];
  const channels = type === 6 ? 4 : 3;
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const pixels = new Uint32Array(width * height);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y += 1) {
    const row = unfilter(raw.subarray(y * (stride + 1), (y + 1) * (stride + 1)), above, channels);
    for (let x = 0; x < width; x += 1) {
      const at = x * channels;
      pixels[y * width + x] = (row[at]! << 16) | (row[at + 1]! << 8) | row[at + 2]!;
    }
    above = row;
  }
  return { width, height, pixels };
}

/** Reverses the filter of a row: PNG's specification, section 9. */
function unfilter(filtered: Buffer, above: Uint8Array, channels: number): Uint8Array<ArrayBuffer> {
  const row = new Uint8Array(filtered.length - 1);
  for (let at = 0; at < row.length; at += 1) {
    const [left, up, corner] = [row[at - channels] ?? 0, above[at]!, above[at - channels] ?? 0];
    const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filtered[0]!]!;
    row[at] = filtered[at + 1]! + guess;
  }
  return row;
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

function choosePalette(counts: ReadonlyMap<number, number>): number[] {
  const palette: number[] = [];
  for (const [colour] of [...counts].sort(([, a], [, b]) => b - a)) {
    if (palette.length === MOST_COLOURS) break;
    if (palette.every((other) => distance(colour, other) >= NEAR)) palette.push(colour);
  }
  return palette;
}

function nearestIn(palette: readonly number[], colour: number): number {
  let best = 0;
  for (let n = 1; n < palette.length; n += 1) {
    if (distance(colour, palette[n]!) < distance(colour, palette[best]!)) best = n;
  }
  return best;
}

function distance(a: number, b: number): number {
  const [red, green, blue] = [
    (a >> 16) - (b >> 16),
    ((a >> 8) & 255) - ((b >> 8) & 255),
    (a & 255) - (b & 255),
  ];
  return red * red + green * green + blue * blue;
}

function chunk(name: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(content.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, check]);
}
