/**
 * zstd by the reference library, as WebAssembly out of a package. Node 20 has none, and what Node has from 22.15 on
 * takes a body that was cut for a whole one (22.20: half of the rows, no error), so all versions go this way.
 *
 * The package's own loops trust their input: one that is wrong keeps them turning for ever. So only its compiled module
 * is taken, and each body gets an instance of its own, whose memory goes with it.
 */
import { setImmediate as breathe } from "node:timers/promises";

/** Beyond this many bytes in or out others get their turn, heartbeats among them: some 10 ms. */
const TURN_BYTES = 4 * 1024 * 1024;
/** So small that no slice swells beyond what a turn may take: four bytes can stand for 128 KB. */
const SLICE_BYTES = 64 * 1024;

/** `ZSTD_inBuffer`, `ZSTD_outBuffer`: pointer, size and position of 32 bits each. */
const STRUCT_BYTES = 12;
const POSITION = 8;

interface Library {
  memory: { buffer: ArrayBuffer };
  malloc(bytes: number): number;
  ZSTD_createDCtx(): number;
  ZSTD_DStreamOutSize(): number;
  /** 0: a frame is finished; negative: an error; else: there is more to come. */
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

interface Loaded {
  module: object;
  instance: { exports: Library };
}

interface Wasm {
  instantiate(module: object, imports: object): Promise<{ exports: Library }>;
}

let compiled: Promise<object> | undefined;

/** Once per process, and only where an answer is packed so. */
function compile(): Promise<object> {
  compiled ??= (async () => {
    const { ZSTDDecoder } = require("zstddec/stream") as {
      ZSTDDecoder: new () => { init(): Promise<void>; _init(loaded: Loaded): void };
    };
    let module: object | undefined;
    class Carrier extends ZSTDDecoder {
      override _init(loaded: Loaded): void {
        module = loaded.module;
      }
    }
    await new Carrier().init();
    return module!;
  })();
  return compiled;
}

async function start(): Promise<Library> {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: Wasm };
  const imports = { env: { emscripten_notify_memory_growth: () => {} } };
  return (await WebAssembly.instantiate(await compile(), imports)).exports;
}

/**
 * Unpacks a body of one or several frames; their checksums count where they have some.
 * @param most bytes that may come out
 * @throws Error with `code` ERR_BUFFER_TOO_LARGE, as Node's zlib, beyond that; without one when the body is broken, is
 *   not whole, or wants more than the 128 MB that the library allows a frame
 */
export async function unzstd(body: Buffer, most: number): Promise<Buffer> {
  const library = await start();
  const context = library.ZSTD_createDCtx();
  const outSize = library.ZSTD_DStreamOutSize();
  const source = library.malloc(SLICE_BYTES);
  const target = library.malloc(outSize);
  const input = library.malloc(STRUCT_BYTES);
  const output = library.malloc(STRUCT_BYTES);
  const chunks: Buffer[] = [];
  let bytes = 0;
  let turn = 0;
  let state = 0;
  for (let at = 0; at < body.length; ) {
    const slice = body.subarray(at, at + SLICE_BYTES);
    new Uint8Array(library.memory.buffer).set(slice, source);
    let taken = 0;
    for (let given = outSize; taken < slice.length || (given === outSize && state !== 0); ) {
      // Memory may have grown, and then it lies elsewhere.
      let view = new DataView(library.memory.buffer);
      write(view, input, source, slice.length, taken);
      write(view, output, target, outSize, 0);
      state = library.ZSTD_decompressStream(context, output, input);
      if (state < 0) throw new Error("no zstd");
      view = new DataView(library.memory.buffer);
      const was = taken;
      taken = view.getUint32(input + POSITION, true);
      given = view.getUint32(output + POSITION, true);
      if (taken === was && given === 0) break;
      bytes += given;
      if (bytes > most)
        throw Object.assign(new Error("larger than allowed"), { code: "ERR_BUFFER_TOO_LARGE" });
      if (given > 0) chunks.push(Buffer.from(new Uint8Array(library.memory.buffer, target, given)));
      turn += taken - was + given;
      if (turn > TURN_BYTES) {
        turn = 0;
        await breathe();
      }
    }
    if (taken < slice.length) throw new Error("no zstd");
    at += taken;
  }
  if (state !== 0) throw new Error("the end is missing");
  return Buffer.concat(chunks, bytes);
}

function write(view: DataView, struct: number, pointer: number, size: number, position: number): void {
  view.setUint32(struct, pointer, true);
  view.setUint32(struct + 4, size, true);
  view.setUint32(struct + POSITION, position, true);
}
