import { SlabmendError } from "../errors/slabmend-error.ts";

export type KernelErrorCode =
  /** A size, offset or count that the kernels cannot work with: the caller's bug. */
  | "bad-argument"
  /** No free piece of the arena is large enough: the caller holds too much at once. */
  | "arena-full"
  /** A region that this arena did not hand out, or that was freed already. */
  | "not-allocated"
  /** Bytes that had to be in the kernel's memory are elsewhere. */
  | "not-in-arena";

/** Thrown when the kernels or their memory are used wrongly; never because of what bytes from a host contain. */
export class KernelError extends SlabmendError<KernelErrorCode> {}

export function badArgument(message: string): KernelError {
  return new KernelError({ code: "bad-argument", message, remedy: "This is a bug of slabmend: report it." });
}
