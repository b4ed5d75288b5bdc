/**
 * Which disk a database file lies on, as a text kept beside it: all hosts that see the same file read the same text, and
 * a host where that path is another file has another one. Names of hosts and of devices cannot tell this: containers
 * share them, and a mounted folder has a device of its own on every host. A copy gets a text of its own, told once.
 */
import { randomBytes } from "node:crypto";
import { keptText } from "../../made-here";
import { sortError } from "./errors";
import { canonicalPath } from "./file-turns";

/**
 * @param told a sentence when the file is a copy of another one
 * @throws TidemarkError DESTINATION_DENIED, DISK_FULL
 */
export async function filePlace(path: string, told: (note: string) => void = () => {}): Promise<string> {
  const file = await canonicalPath(path);
  const beside = `${file}.place`;
  try {
    return await keptText(
      beside,
      () => randomBytes(6).toString("hex"),
      ({ from }) =>
        told(
          `The DuckDB file ${file} was copied with what lies beside it from ${from}: it is a file of its own from now on. ` +
            "Runs that began with the other one go on there",
        ),
    );
  } catch (error) {
    throw sortError(error, { path: file, doing: `writing ${beside}, which tells hosts apart` });
  }
}
