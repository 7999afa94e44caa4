// The part of WebAssembly's JavaScript interface that wasm-module.ts uses. TypeScript declares it only in the browser's
// "dom" types, which would make all browser interfaces available to this code.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Memory {
    constructor(limits: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: object;
  }
}
