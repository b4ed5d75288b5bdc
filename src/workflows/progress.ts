/** What people see of a running load: a small table in the Temporal UI, and the answer of query `progress`. */
import type { CursorInfo } from "../pipeline/cursor";
import type { ExtractResourceInfo, LoadedTable, NormalizeInfo, OpenedLoad } from "../pipeline/infos";

export interface ResourceProgress {
  resource: string;
  status: "waiting" | "extracting" | "extracted";
  rows?: number;
  requests?: number;
  cursor?: string;
}

export interface LoadProgressView {
  pipeline_name: string;
  load_id?: string;
  step: string;
  resources: ResourceProgress[];
  tables: { table: string; rows: number; inserted?: number; updated?: number; deleted?: number }[];
  cursors: CursorInfo[];
  notes: string[];
}

export class LoadProgress {
  readonly #view: LoadProgressView;

  constructor(
    pipelineName: string,
    private readonly show: (markdown: string) => void,
  ) {
    this.#view = {
      pipeline_name: pipelineName,
      step: "open",
      resources: [],
      tables: [],
      cursors: [],
      notes: [],
    };
  }

  view(): LoadProgressView {
    return this.#view;
  }

  step(step: string): void {
    this.#view.step = step;
    this.show(loadDetails(this.#view));
  }

  note(note: string): void {
    this.#view.notes.push(note);
    this.show(loadDetails(this.#view));
  }

  opened(opened: OpenedLoad): void {
    this.#view.load_id = opened.ref.load_id;
    this.#view.notes.push(...opened.notes);
    this.#view.resources = opened.resources.map(({ name }) => ({ resource: name, status: "waiting" }));
  }

  extracting(name: string): void {
    const resource = this.#view.resources.find(one => one.resource === name);
    if (resource !== undefined) resource.status = "extracting";
    this.show(loadDetails(this.#view));
  }

  extracted(info: ExtractResourceInfo): void {
    const resource = this.#view.resources.find(one => one.resource === info.resource);
    if (resource !== undefined) {
      resource.status = "extracted";
      resource.rows = info.rows;
      resource.requests = info.requests;
      if (info.cursor !== undefined) resource.cursor = cursorText(info.cursor);
    }
    this.show(loadDetails(this.#view));
  }

  cursors(cursors: CursorInfo[]): void {
    this.#view.cursors = cursors;
  }

  normalized(info: NormalizeInfo): void {
    this.#view.tables = info.tables.map(({ table, rows }) => ({ table, rows }));
    this.show(loadDetails(this.#view));
  }

  loaded(tables: LoadedTable[]): void {
    this.#view.tables = tables;
    this.show(loadDetails(this.#view));
  }
}

export function cursorText(cursor: CursorInfo): string {
  return `${cursor.cursor_path} = ${cursor.value.text}`;
}

/** Markdown for `setCurrentDetails`. */
export function loadDetails(view: LoadProgressView): string {
  const lines = [`**${view.step}**${view.load_id ? `, load \`${view.load_id}\`` : ""}`];
  if (view.resources.length > 0) {
    lines.push("", "| resource | status | rows | cursor |", "|---|---|---:|---|");
    for (const r of view.resources) {
      lines.push(`| ${cell(r.resource)} | ${r.status} | ${r.rows ?? ""} | ${cell(r.cursor ?? "")} |`);
    }
  }
  if (view.tables.length > 0) {
    lines.push("", "| table | rows | new | updated | deleted |", "|---|---:|---:|---:|---:|");
    for (const t of view.tables) {
      lines.push(
        `| ${cell(t.table)} | ${t.rows} | ${t.inserted ?? ""} | ${t.updated ?? ""} | ${t.deleted ?? ""} |`,
      );
    }
  }
  if (view.notes.length > 0) lines.push("", ...view.notes.map(note => `- ${note}`));
  return lines.join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ").slice(0, 120);
}
