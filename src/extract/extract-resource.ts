/** Step extract, one resource: source pages → incremental filter → segments, resumable after every page. */
import { mkdir } from "node:fs/promises";
import type { ColumnPage } from "../columns/column-page";
import { pageRows } from "../columns/column-values";
import { selectRows } from "../columns/select-rows";
import { parseLines } from "../json/lines";
import type { Row } from "../json/values";
import { onDisk } from "../package/files";
import { type PackageRef, resourceFolder } from "../package/layout";
import { safeName } from "../package/safe-name";
import { TidemarkError } from "../pipeline/errors";
import type { ExtractResourceInfo, OnProgress } from "../pipeline/infos";
import type { IncrementalRange, Resource, RowText } from "../sources/source";
import { fromStored, toCursorValue } from "../state/cursor-values";
import type { StoredIncremental } from "../state/pipeline-state";
import {
  bestCheckpoint,
  type Checkpoint,
  type DoneRecord,
  readDone,
  settleDone,
  writeCheckpoint,
} from "./checkpoint";
import { IncrementalFilter } from "./incremental";
import { readSegments, type Segment, SegmentWriter } from "./segments";

export const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
/** A checkpoint larger than this (very many hashes at one cursor value) is written at most once per second. */
const LARGE_CHECKPOINT_CHARACTERS = 32 * 1024;
const PROGRESS_MS = 300;

export interface ExtractArgs {
  ref: PackageRef;
  resource: Resource;
  /** Unique per call: each attempt writes its own folder (design law 2). */
  attempt: string;
  /** Range and stored state of its cursor, as beginLoad decided. */
  incremental?: { range: IncrementalRange; stored: StoredIncremental | undefined };
  /** Key of boundary rows, unless the incremental names its own (dlt: the resource's primary key). */
  dedup_key?: string[];
  /** Called before the first rows are written; may throw to refuse them. */
  onFirstRows?: () => void;
  /** HTTP attempts inside this call. */
  http_attempts: number;
  segment_bytes?: number;
  /** Told after every checkpoint: all segments so far, of which a retry would go on. Must not throw. */
  onSafe?: (segments: readonly Segment[]) => void;
  /** Aborted when the worker is asked to stop: the extraction ends after the next page that can be resumed after. */
  stopping?: AbortSignal;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/**
 * Extracts a resource, or adopts what an earlier attempt finished, or goes on after the last page that is safe.
 * A dependent resource reads its parent's rows from the package: the parent must be finished.
 * @throws TidemarkError of the source; WORKER_STOPPING, INTEGER_TOO_LARGE, CURSOR_VALUE_MISSING, CURSOR_TYPE, DISK_FULL, PACKAGE_LOST
 */
export async function extractResource(args: ExtractArgs): Promise<ExtractResourceInfo> {
  const folder = resourceFolder(args.ref, args.resource.name);
  const done = await readDone(folder);
  if (done !== null) return infoOf(done);
  await onDisk("making the resource's folder", () => mkdir(folder, { recursive: true }));
  const from = await bestCheckpoint(folder);
  return infoOf(await settleDone(folder, await new Extraction(args, folder, from).run()));
}

export function infoOf(done: DoneRecord): ExtractResourceInfo {
  return {
    resource: done.resource,
    attempt: done.attempt,
    rows: done.rows,
    bytes: done.bytes,
    pages: done.pages,
    requests: done.requests,
    ...(done.cursor === undefined ? {} : { cursor: done.cursor }),
    ...(done.resumed_rows === 0 ? {} : { resumed_rows: done.resumed_rows }),
  };
}

/** Rows of a finished resource, for dependent resources and for normalize. @throws TidemarkError PACKAGE_LOST */
export async function* extractedRows(ref: PackageRef, resource: string): AsyncGenerator<Row[]> {
  const folder = resourceFolder(ref, resource);
  const done = await readDone(folder);
  if (done === null) {
    throw new TidemarkError(
      "PACKAGE_LOST",
      `Resource "${resource}" was not extracted into load package ${ref.load_id}, or its files are gone.`,
    );
  }
  yield* readSegments(folder, done.segments);
}

class Extraction {
  readonly #filter: IncrementalFilter | undefined;
  readonly #writer: SegmentWriter;
  readonly #attempt: string;
  readonly #taken: Segment[];
  #pages: number;
  #tableSeen: boolean;
  #requests = 0;
  #rows = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #checkpointAt = Number.NEGATIVE_INFINITY;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    private readonly args: ExtractArgs,
    private readonly folder: string,
    private readonly from: Checkpoint | null,
  ) {
    const { resource, incremental } = args;
    this.#attempt = safeName(args.attempt);
    this.#taken = from?.segments ?? [];
    this.#pages = from?.pages ?? 0;
    this.#tableSeen = from?.table_seen ?? false;
    this.#writer = new SegmentWriter(folder, this.#attempt, args.segment_bytes ?? DEFAULT_SEGMENT_BYTES);
    if (incremental !== undefined) {
      this.#filter = new IncrementalFilter(
        resource.name,
        incremental.range,
        incremental.stored,
        args.dedup_key,
        from?.running,
      );
    }
  }

  async run(): Promise<DoneRecord> {
    try {
      // Closed already: the attempt that died had reached the end, and only had no time to say so.
      if (!this.#isClosed()) await this.#readPages();
      await this.#saving;
      const segments = [...this.#taken, ...(await this.#writer.flush())];
      await this.#writer.settle();
      this.#tell(true);
      return this.#done(segments);
    } finally {
      await this.#saving.catch(() => {});
      await this.#writer.close();
    }
  }

  async #readPages(): Promise<void> {
    const { resource, signal } = this.args;
    const pages = resource.open({
      signal,
      attempts: this.args.http_attempts,
      takesText: true,
      ...(this.from === null ? {} : { resume: this.from.resume }),
      ...(resource.parent === undefined ? {} : { parentRows: extractedRows(this.args.ref, resource.parent) }),
      ...(this.args.incremental === undefined ? {} : { incremental: this.args.incremental.range }),
      onRequest: () => {
        this.#requests++;
      },
      onWait: what => this.args.onProgress({ step: "extract", subject: resource.name, phase: what }),
    });
    for await (const page of pages) {
      signal.throwIfAborted();
      if (page.absent) await this.#finishPage(0, page.resume);
      else if (page.text !== undefined) await this.#text(page.text, page.resume);
      else if (page.columns === undefined) await this.#page(page.rows, page.resume);
      else await this.#columns(page.columns, page.resume);
      if (this.#isClosed()) break;
    }
  }

  /** Rows beyond the range were met in a declared order. Not for dependent resources, whose rows come per parent. */
  #isClosed(): boolean {
    return this.#filter?.closed === true && this.args.resource.parent === undefined;
  }

  async #page(rows: Row[], resume: Checkpoint["resume"] | undefined): Promise<void> {
    const kept = this.#filter === undefined ? rows : this.#filter.page(rows);
    this.#seeTable(rows.length, kept.length);
    await this.#writer.write(kept);
    await this.#finishPage(kept.length, resume);
  }

  /** Rows are read for the incremental filter only; a page of which it keeps all goes on as it came. */
  async #text({ lines, rows }: RowText, resume: Checkpoint["resume"] | undefined): Promise<void> {
    const read = this.#filter && (parseLines(lines.toString()) as Row[]);
    const kept = read && this.#filter?.page(read);
    if (kept !== undefined && kept.length < rows) {
      this.#seeTable(rows, kept.length);
      await this.#writer.write(kept);
      await this.#finishPage(kept.length, resume);
      return;
    }
    this.#seeTable(rows, rows);
    await this.#writer.writeLines(lines, rows);
    await this.#finishPage(rows, resume);
  }

  /** The incremental filter looks at rows; they are made for it and thrown away. */
  async #columns(page: ColumnPage, resume: Checkpoint["resume"] | undefined): Promise<void> {
    const kept = this.#filter === undefined ? page : selectRows(page, keptRows(this.#filter, page));
    this.#seeTable(page.rows, kept.rows);
    if (kept.rows > 0) await this.#writer.writeColumns(kept);
    await this.#finishPage(kept.rows, resume);
  }

  #seeTable(rows: number, kept: number): void {
    if (rows > 0 && kept === 0) return;
    if (!this.#tableSeen) this.args.onFirstRows?.();
    this.#tableSeen = true;
  }

  async #finishPage(kept: number, resume: Checkpoint["resume"] | undefined): Promise<void> {
    this.#rows += kept;
    this.#pages++;
    const stopping = this.args.stopping?.aborted === true;
    if (resume !== undefined) await this.#checkpoint(resume, stopping);
    this.#tell(false);
    if (stopping && resume !== undefined) {
      await this.#saving;
      throw new TidemarkError(
        "WORKER_STOPPING",
        `The worker stops; resource "${this.args.resource.name}" goes on after page ${this.#pages}, which is safe.`,
      );
    }
  }

  async #checkpoint(resume: Checkpoint["resume"], atOnce: boolean): Promise<void> {
    const now = performance.now();
    const running = this.#filter?.running();
    const large = (running?.hashes.length ?? 0) * 15 > LARGE_CHECKPOINT_CHARACTERS;
    if (!atOnce && large && now - this.#checkpointAt < 1000) return;
    // Written while the next page is fetched; one at a time, so that memory stays bounded.
    await this.#saving;
    const flushed = this.#writer.flush();
    const rest = {
      resume,
      ...(running === undefined ? {} : { running }),
      pages: this.#pages,
      requests: this.#requests,
      table_seen: this.#tableSeen,
    };
    this.#saving = flushed.then(async own => {
      const segments = [...this.#taken, ...own];
      await writeCheckpoint(this.folder, this.#attempt, { segments, ...rest });
      this.args.onSafe?.(segments);
    });
    // Awaited with the next page or at the end.
    this.#saving.catch(() => {});
    this.#checkpointAt = now;
  }

  #tell(last: boolean): void {
    const now = performance.now();
    if (!last && now - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = now;
    this.args.onProgress({
      step: "extract",
      subject: this.args.resource.name,
      rows: count(this.#taken, "rows") + this.#rows,
      bytes: count(this.#taken, "bytes") + this.#writer.bytes,
    });
  }

  #done(segments: Segment[]): DoneRecord {
    const { resource } = this.args;
    const incremental = this.#filter?.finish();
    const many = this.#filter?.manyAtOneValue;
    return {
      resource: resource.name,
      attempt: this.args.attempt,
      segments,
      rows: count(segments, "rows"),
      bytes: count(segments, "bytes"),
      pages: this.#pages,
      requests: this.#requests,
      resumed_rows: count(this.#taken, "rows"),
      table_seen: this.#tableSeen,
      ...(many === undefined ? {} : { notes: [manyNote(resource.name, many, this.#filter!)] }),
      ...(incremental === undefined
        ? {}
        : {
            incremental,
            cursor: {
              resource: resource.name,
              cursor_path: this.#filter!.range.config.cursor_path,
              value: toCursorValue(fromStored(incremental.last_value)),
            },
          }),
    };
  }
}

/** dlt's warning, in the same cases. */
const manyNote = (resource: string, rows: number, { range }: IncrementalFilter): string =>
  `resource "${resource}": ${rows} rows share one value of cursor "${range.config.cursor_path}", and each is kept in the state ` +
  "to be known again. A cursor of low resolution (dates without times) does this: use one that is finer, or an open range " +
  '(range_start "open") where no row comes late';

/** One byte per row: 1 where the filter lets it through. */
function keptRows(filter: IncrementalFilter, page: ColumnPage): Uint8Array {
  const rows = pageRows(page);
  const kept = filter.page(rows);
  const keep = new Uint8Array(page.rows);
  let next = 0;
  for (let row = 0; row < rows.length && next < kept.length; row++) {
    if (rows[row] !== kept[next]) continue;
    keep[row] = 1;
    next++;
  }
  return keep;
}

const count = (segments: readonly Segment[], what: "rows" | "bytes"): number =>
  segments.reduce((sum, segment) => sum + segment[what], 0);
