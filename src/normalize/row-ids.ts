/**
 * Row ids that dlt draws at random. Ours look the same and have the same entropy, but follow from load, table and
 * ordinal, so that a repeated normalize gives the same bytes (design law 2).
 */
import { createCipheriv, createHash } from "node:crypto";

const IDS_PER_CHUNK = 4096;
const ID_BYTES = 10;
const ID_LENGTH = 14;
const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

export class RowIds {
  private readonly key: Buffer;
  private chunk = -1;
  private ids = Buffer.alloc(0);

  constructor(loadId: string, table: string) {
    this.key = createHash("sha256").update(`tidemark row ids\0${loadId}\0${table}`).digest();
  }

  /** The id of the row with this ordinal in its table. */
  at(ordinal: number): string {
    const start = this.find(ordinal);
    return this.ids.toString("latin1", start, start + ID_LENGTH);
  }

  /** The same as ASCII bytes, to `out` at `to`. */
  write(ordinal: number, out: Buffer, to: number): void {
    const start = this.find(ordinal);
    for (let i = 0; i < ID_LENGTH; i++) out[to + i] = this.ids[start + i]!;
  }

  /** Place of an id among those at hand. */
  private find(ordinal: number): number {
    const chunk = Math.floor(ordinal / IDS_PER_CHUNK);
    if (chunk !== this.chunk) this.fill(chunk);
    return (ordinal - chunk * IDS_PER_CHUNK) * ID_LENGTH;
  }

  /** AES in counter mode as a stream of random bytes; each chunk has its own nonce. */
  private fill(chunk: number): void {
    const nonce = Buffer.alloc(16);
    nonce.writeBigUInt64BE(BigInt(chunk));
    const stream = createCipheriv("aes-256-ctr", this.key, nonce).update(
      Buffer.alloc(IDS_PER_CHUNK * ID_BYTES),
    );
    const ids = Buffer.allocUnsafe(IDS_PER_CHUNK * ID_LENGTH);
    for (let i = 0; i < IDS_PER_CHUNK; i++) toBase64(stream, i * ID_BYTES, ids, i * ID_LENGTH);
    this.ids = ids;
    this.chunk = chunk;
  }
}

/** Ten bytes as fourteen characters, padding left off. */
function toBase64(from: Uint8Array, at: number, to: Uint8Array, out: number): void {
  let held = 0;
  let bits = 0;
  let next = out;
  for (let i = at; i < at + ID_BYTES; i++) {
    held = (held << 8) | from[i]!;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      to[next++] = ALPHABET[(held >>> bits) & 63]!;
    }
    held &= (1 << bits) - 1;
  }
  to[next] = ALPHABET[(held << (6 - bits)) & 63]!;
}
