import highsModule, { type Highs } from "highs";
// The build embeds it.
import wasmBinary from "highs/runtime";

interface Instantiated {
  readonly instance: object;
}

/** What a browser has of it, which the types of the project lack. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { instantiate(bytes: Uint8Array, imports: object): Promise<Instantiated> };
};

/** The hook of Emscripten: this release does not look at the `wasmBinary` that it documents. */
interface LoadOptions {
  instantiateWasm(imports: object, done: (instance: object) => void): void;
}

const load = highsModule as unknown as (options: LoadOptions) => Promise<Highs>;

let runtime: Promise<Highs> | undefined;

/** The HiGHS runtime of the page, compiled once. */
export function loadHighs(): Promise<Highs> {
  runtime ??= new Promise((resolve, reject) => {
    const instantiateWasm: LoadOptions["instantiateWasm"] = (imports, done) => {
      WebAssembly.instantiate(wasmBinary, imports).then(({ instance }) => {
        done(instance);
      }, reject);
    };
    load({ instantiateWasm }).then(resolve, reject);
  });
  return runtime;
}

/** Has the next who asks get a runtime of its own. */
export function dropHighs(): void {
  runtime = undefined;
}
