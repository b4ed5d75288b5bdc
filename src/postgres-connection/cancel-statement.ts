/** Ends the statement that a connection runs. */
import { connect as connectSocket } from "node:net";
import type { Client } from "pg";

interface BackendKey {
  processID?: number;
  secretKey?: number;
}

/** PostgreSQL's CancelRequest, on a connection of its own; best effort, the server never answers. */
export function cancelStatement(client: Client): void {
  const { processID, secretKey } = client as unknown as BackendKey;
  if (!processID || secretKey === undefined) return;
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16, 0);
  packet.writeInt32BE(80877102, 4);
  packet.writeInt32BE(processID, 8);
  packet.writeInt32BE(secretKey | 0, 12);
  const { host, port } = client;
  const address = host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  const socket = connectSocket(address, () => socket.end(packet));
  socket.on("error", () => socket.destroy());
  socket.setTimeout(5_000, () => socket.destroy());
  socket.unref();
}
