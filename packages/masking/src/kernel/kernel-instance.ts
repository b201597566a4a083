import { KERNEL_BASE64 } from './row-kernel-bytes.ts'

/** What the module exports. */
export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; readonly grow: (pages: number) => number }
  /** Goes on from what the first words of the memory say; row-kernel.wat says what it gives. */
  readonly run: () => number
}

/** What every runtime of ours has of the WebAssembly interface (https://webassembly.github.io/spec/js-api/), no more. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: KernelExports }
}

let compiled: object | null = null

/** A kernel with a memory of its own. The module, of little more than a thousand bytes, is compiled once. */
export function kernelInstance(): KernelExports {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL_BASE64, 'base64'))
  return new WebAssembly.Instance(compiled).exports
}
