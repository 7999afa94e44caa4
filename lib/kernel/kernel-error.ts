import { SlabmendError } from "../errors/slabmend-error.ts";

export type KernelErrorCode =
  /** A size, offset or count that the kernels do not support: a bug of the caller. */
  | "bad-argument"
  /** No free gap of the arena is large enough: the caller holds too much at once. */
  | "arena-full"
  /** A region that this arena did not allocate, or that was already freed. */
  | "not-allocated"
  /** Bytes that must be in the kernel's memory are elsewhere. */
  | "not-in-arena";

/** Thrown if the kernels or their memory are used wrongly; never because of the contents of a host's bytes. */
export class KernelError extends SlabmendError<KernelErrorCode> {}

export function badArgument(message: string): KernelError {
  return new KernelError({ code: "bad-argument", message, remedy: "This is a bug of slabmend: report it." });
}
