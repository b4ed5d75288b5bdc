/**
 * Files of a Unity Catalog Volume over the Files REST API: one HTTPS call per file and no statement, where PUT takes a
 * statement of the warehouse and then the same upload. Measured on the stand-in, 16 files of 1 MB, 8 at a time: 0.2 to
 * 0.3 s here, 1.4 to 2.1 s and 17 statements by PUT, without a network's round trips.
 */
import type { Credentials } from "./credentials";
import type { Endpoint } from "./endpoint";
import { DatabricksError, httpError, sortError } from "./errors";
import { type HttpsAnswer, type HttpsRequest, httpsRequest } from "./https-request";
import { inParallel } from "./parallel";

export interface VolumeEntry {
  path: string;
  name: string;
  isFolder: boolean;
  bytes: number;
}

const ATTEMPTS = 4;
const FIRST_WAIT_MS = 300;
/** Entries of a folder that are removed at the same time. */
const REMOVALS = 8;

export class VolumeFiles {
  constructor(
    private readonly endpoint: Endpoint,
    private readonly credentials: Credentials,
    private readonly signal: AbortSignal,
  ) {}

  /** Size in bytes; undefined when there is no such file. */
  async size(path: string): Promise<number | undefined> {
    const answer = await this.send("reading the size of a staged file", "HEAD", filesPath(path), [200, 404]);
    return answer.status === 404 ? undefined : Number(answer.headers["content-length"] ?? 0);
  }

  /** @returns false when the Volume is not there */
  async upload(local: { path: string; bytes: number }, path: string): Promise<boolean> {
    const answer = await this.send(
      "uploading a staged file",
      "PUT",
      `${filesPath(path)}?overwrite=true`,
      [200, 201, 204, 404],
      { file: local, headers: { "content-type": "application/octet-stream" } },
    );
    return answer.status !== 404;
  }

  async remove(path: string): Promise<void> {
    await this.send("removing a staged file", "DELETE", filesPath(path), [200, 204, 404]);
  }

  /** Entries of one folder; undefined when there is no such folder. */
  async list(folder: string): Promise<VolumeEntry[] | undefined> {
    const entries: VolumeEntry[] = [];
    for (let token = ""; ; ) {
      const query = token === "" ? "" : `?page_token=${encodeURIComponent(token)}`;
      const answer = await this.send(
        "listing staged files",
        "GET",
        `${foldersPath(folder)}${query}`,
        [200, 404],
      );
      if (answer.status === 404) return undefined;
      const page = JSON.parse(answer.body) as {
        contents?: { path: string; name: string; is_directory: boolean; file_size?: number }[];
        next_page_token?: string;
      };
      for (const entry of page.contents ?? []) {
        entries.push({
          path: entry.path,
          name: entry.name,
          isFolder: entry.is_directory,
          bytes: entry.file_size ?? 0,
        });
      }
      if (!page.next_page_token) return entries;
      token = page.next_page_token;
    }
  }

  /** Removes a folder and all that is in it. */
  async removeFolder(folder: string): Promise<void> {
    const entries = await this.list(folder);
    if (entries === undefined) return;
    await inParallel(entries, REMOVALS, entry =>
      entry.isFolder ? this.removeFolder(entry.path) : this.remove(entry.path),
    );
    await this.send("removing a staging folder", "DELETE", foldersPath(folder), [200, 204, 404]);
  }

  private async send(
    doing: string,
    method: HttpsRequest["method"],
    path: string,
    expected: readonly number[],
    more: { file?: HttpsRequest["file"]; headers?: HttpsRequest["headers"] } = {},
  ): Promise<HttpsAnswer> {
    const context = { where: this.endpoint.host, doing };
    for (let attempt = 1; ; attempt++) {
      this.signal.throwIfAborted();
      try {
        const authorization = await this.credentials.authorization();
        const answer = await httpsRequest(this.endpoint, {
          method,
          path,
          headers: { authorization, ...more.headers },
          signal: this.signal,
          ...(more.file === undefined ? {} : { file: more.file }),
        });
        if (expected.includes(answer.status)) return answer;
        if (answer.status === 403 && answer.body.includes("PERMISSION_DENIED")) throw new Error(answer.body);
        throw filesError(answer, `Databricks ${context.where}, ${doing}: `);
      } catch (error) {
        if (this.signal.aborted) throw this.signal.reason;
        const sorted = sortError(error, context);
        if (sorted.kind === "terminal" || attempt === ATTEMPTS) throw sorted;
        await new Promise(resolve => setTimeout(resolve, FIRST_WAIT_MS * 2 ** (attempt - 1)));
      }
    }
  }
}

/** A path of the Files API that the server does not take says nothing of the warehouse. */
function filesError({ status, body }: HttpsAnswer, failed: string): DatabricksError {
  if (status !== 400 && status !== 404 && status !== 409) return httpError(status, failed);
  const condition = /"error_code"\s*:\s*"([A-Z_]{1,60})"/.exec(body)?.[1] ?? "";
  return new DatabricksError(
    "DESTINATION_REFUSED",
    `${failed}the Files API refused the path (HTTP ${status}${condition === "" ? "" : `, ${condition}`}). Check that ` +
      "staging_volume_name, or the dataset, names a Volume of Unity Catalog, and that the workspace has its Files API open.",
    condition,
  );
}

const encoded = (path: string): string => path.split("/").map(encodeURIComponent).join("/");
const filesPath = (path: string): string => `/api/2.0/fs/files${encoded(path)}`;
const foldersPath = (path: string): string => `/api/2.0/fs/directories${encoded(path)}`;
