import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { DataConverter, Payload, PayloadCodec } from "@temporalio/common";
import { temporal } from "@temporalio/proto";

const { Payload: Message } = temporal.api.common.v1;
const ENCODING = "binary/encrypted";

/** AES-256-GCM over whole payloads: nonce, tag, ciphertext. */
class Encryption implements PayloadCodec {
  constructor(private readonly key: Buffer) {}

  async encode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map(payload => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", this.key, nonce);
      const data = Buffer.concat([cipher.update(Message.encode(payload).finish()), cipher.final()]);
      return {
        metadata: { encoding: Buffer.from(ENCODING) },
        data: Buffer.concat([nonce, cipher.getAuthTag(), data]),
      };
    });
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map(payload => {
      if (Buffer.from(payload.metadata?.encoding ?? []).toString() !== ENCODING) return payload;
      const bytes = Buffer.from(payload.data ?? []);
      const decipher = createDecipheriv("aes-256-gcm", this.key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Message.decode(Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]));
    });
  }
}

export const dataConverter: DataConverter = {
  payloadCodecs: [new Encryption(Buffer.from(process.env.ENCRYPTION_KEY ?? "", "hex"))],
};
