/**
 * Preloaded into a host of the drill where no small disk can be mounted for it: `{ disk_full: folder }` from its parent
 * lets every write below that folder fail with ENOSPC, `{ disk_full: null }` lets them succeed again. Half of the bytes
 * of the first such write of a file are written, as a disk that is filling up does it.
 */
const { promises } = require("node:fs");
const { resolve, sep } = require("node:path");

let full = null;

const isBelow = path => full !== null && typeof path === "string" && resolve(path).startsWith(full + sep);
const noSpace = call =>
  Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), {
    code: "ENOSPC",
    syscall: call,
    errno: -28,
  });

const { open, writeFile, appendFile } = promises;

promises.open = async (path, ...rest) => {
  const handle = await open(path, ...rest);
  const { write, writev } = handle;
  let short = true;
  handle.write = async (buffer, ...args) => {
    if (!isBelow(path)) return await write.call(handle, buffer, ...args);
    if (!short || !Buffer.isBuffer(buffer) || buffer.length < 2 || args.length > 0) throw noSpace("write");
    short = false;
    return await write.call(handle, buffer.subarray(0, buffer.length >> 1));
  };
  handle.writev = async (buffers, ...args) => {
    if (!isBelow(path)) return await writev.call(handle, buffers, ...args);
    if (!short || args.length > 0 || buffers[0].length < 2) throw noSpace("writev");
    short = false;
    return await writev.call(handle, [buffers[0].subarray(0, buffers[0].length >> 1)]);
  };
  for (const name of ["writeFile", "appendFile"]) {
    const real = handle[name];
    handle[name] = async (...args) => {
      if (isBelow(path)) throw noSpace("write");
      return await real.apply(handle, args);
    };
  }
  return handle;
};
for (const [name, real] of Object.entries({ writeFile, appendFile })) {
  promises[name] = async (path, ...rest) => {
    if (isBelow(path)) throw noSpace("write");
    return await real(path, ...rest);
  };
}

process.on("message", message => {
  if (typeof message !== "object" || message === null || !("disk_full" in message)) return;
  full = message.disk_full === null ? null : resolve(message.disk_full);
});
