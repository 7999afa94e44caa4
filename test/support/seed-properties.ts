/** Gives every fast-check property of a test file the seed of the run (vitest's setupFiles). */
import fc from "fast-check";
import { inject } from "vitest";

fc.configureGlobal({ seed: inject("seed") });
