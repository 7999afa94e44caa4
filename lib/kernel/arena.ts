import { badArgument, KernelError } from "./kernel-error.ts";

/** A cache line; also enough for any vector load. */
const ALIGNMENT_BYTES = 64;

interface Gap {
  start: number;
  end: number;
}

/**
 * Allocates and frees regions of one fixed memory, in any order. Regions are not cleared.
 *
 * Always: gaps are sorted, never adjacent, and together with the regions cover the whole range.
 */
export class Arena {
  readonly #buffer: ArrayBuffer;
  readonly #gaps: Gap[];
  /** Aligned size of each region by its start. */
  readonly #regionSizes = new Map<number, number>();
  readonly capacityBytes: number;
  #usedBytes = 0;

  /** Manages the bytes `start` to `end` of `buffer`, which must stay attached: the wasm memory must not grow. */
  constructor(buffer: ArrayBuffer, start: number, end: number) {
    const alignedStart = alignUp(start);
    this.#buffer = buffer;
    this.#gaps = [{ start: alignedStart, end }];
    this.capacityBytes = end - alignedStart;
  }

  /** Bytes in regions, alignment included. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Returns a region with arbitrary contents. Throws `arena-full` if no gap is large enough. */
  allocate(bytes: number): Buffer<ArrayBuffer> {
    if (!Number.isSafeInteger(bytes) || bytes <= 0) {
      throw badArgument(`arena region: expected a positive whole number of bytes, got ${bytes}`);
    }
    const size = alignUp(bytes);
    // First fit keeps high pages untouched, and so out of resident memory, for as long as possible.
    const index = this.#gaps.findIndex((gap) => gap.end - gap.start >= size);
    const gap = this.#gaps[index];
    if (gap === undefined) {
      throw new KernelError({
        code: "arena-full",
        message: `arena: expected a gap of ${size} bytes, got ${this.capacityBytes - this.#usedBytes} free bytes in ${this.#gaps.length} gaps`,
        remedy: "Hold fewer shards at once, or give the kernel more memory.",
        details: { bytes: size, capacityBytes: this.capacityBytes, usedBytes: this.#usedBytes },
      });
    }
    const start = gap.start;
    gap.start += size;
    if (gap.start === gap.end) this.#gaps.splice(index, 1);
    this.#regionSizes.set(start, size);
    this.#usedBytes += size;
    return Buffer.from(this.#buffer, start, bytes);
  }

  /** Frees a region returned by `allocate`. Throws `not-allocated` for anything else, including a second free. */
  free(region: Uint8Array): void {
    const start = region.byteOffset;
    const size = this.#regionSizes.get(start);
    if (size === undefined || region.buffer !== this.#buffer || alignUp(region.byteLength) !== size) {
      throw new KernelError({
        code: "not-allocated",
        message: `arena: expected a region it handed out, got ${region.byteLength} bytes at ${start}`,
        remedy: "Free each region once, and the region itself rather than a part of it.",
      });
    }
    this.#regionSizes.delete(start);
    this.#usedBytes -= size;
    this.#insertGap(start, start + size);
  }

  /** Whether `bytes` lies in the memory in which this arena manages regions. */
  contains(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#buffer;
  }

  #insertGap(start: number, end: number): void {
    const following = this.#gaps.findIndex((gap) => gap.start > start);
    const index = following === -1 ? this.#gaps.length : following;
    const before = this.#gaps[index - 1];
    const after = this.#gaps[index];
    const joinsBefore = before !== undefined && before.end === start;
    const joinsAfter = after !== undefined && after.start === end;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      this.#gaps.splice(index, 1);
    } else if (joinsBefore) {
      before.end = end;
    } else if (joinsAfter) {
      after.start = start;
    } else {
      this.#gaps.splice(index, 0, { start, end });
    }
  }
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
