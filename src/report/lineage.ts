/** dbt's graph as SVG: what is read on the left, what reads it to the right. Pure. */
import { duration, safe } from "./html";
import type { ReportNode } from "./report-data";

const BOX = { width: 176, height: 34 };
const GAP = { x: 64, y: 12 };
/** A larger graph is a list. */
const MOST_NODES = 120;

export function lineage(nodes: readonly ReportNode[]): string {
  if (nodes.length === 0 || nodes.length > MOST_NODES) return "";
  const columns = layers(nodes);
  const at = new Map<string, { x: number; y: number }>();
  for (const [i, column] of columns.entries()) {
    for (const [j, node] of column.entries())
      at.set(node.id, { x: i * (BOX.width + GAP.x), y: j * (BOX.height + GAP.y) });
  }
  const edges = nodes.flatMap(node =>
    node.reads.flatMap(parent => {
      const [from, to] = [at.get(parent), at.get(node.id)];
      if (from === undefined || to === undefined) return [];
      const [x1, y1, y2] = [from.x + BOX.width, from.y + BOX.height / 2, to.y + BOX.height / 2];
      const bend = (to.x - x1) / 2;
      return [`<path class="edge" d="M${x1} ${y1}C${x1 + bend} ${y1} ${to.x - bend} ${y2} ${to.x} ${y2}"/>`];
    }),
  );
  const boxes = nodes.map(node => box(node, at.get(node.id) as { x: number; y: number }));
  const width = columns.length * (BOX.width + GAP.x) - GAP.x;
  const height = Math.max(...columns.map(column => column.length)) * (BOX.height + GAP.y) - GAP.y;
  return `<div class="scroll"><svg class="lineage" viewBox="-2 -2 ${width + 4} ${height + 4}" width="${width}" role="img" aria-label="dbt's lineage">${edges.join("")}${boxes.join("")}</svg></div>`;
}

function box(node: ReportNode, { x, y }: { x: number; y: number }): string {
  const title = [
    `${node.type} ${node.name}`,
    node.status || "not run",
    ...(node.seconds === undefined ? [] : [duration(node.seconds)]),
    `${node.tests} tests`,
  ].join(", ");
  const name = node.name.length > 24 ? `${node.name.slice(0, 23)}…` : node.name;
  return (
    `<g class="node ${statusClass(node.status)} ${node.type === "source" ? "source" : ""}"><title>${safe(title)}</title>` +
    `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="5"/>` +
    `<text x="${x + 12}" y="${y + 21}">${safe(name)}</text></g>`
  );
}

/** A node stands one column right of the last one that it reads; in a column by where its parents stand. */
export function layers(nodes: readonly ReportNode[]): ReportNode[][] {
  const byId = new Map(nodes.map(node => [node.id, node]));
  const depths = new Map<string, number>();
  const depth = (node: ReportNode, path: readonly string[] = []): number => {
    const known = depths.get(node.id);
    if (known !== undefined || path.includes(node.id)) return known ?? 0;
    const parents = node.reads.flatMap(id => byId.get(id) ?? []);
    const found = Math.max(-1, ...parents.map(parent => depth(parent, [...path, node.id]))) + 1;
    depths.set(node.id, found);
    return found;
  };
  const columns: ReportNode[][] = [];
  for (const node of nodes) {
    const column = columns[depth(node)] ?? [];
    column.push(node);
    columns[depth(node)] = column;
  }
  const place = new Map<string, number>();
  const filled = Array.from(columns, column => column ?? []);
  for (const column of filled) {
    const middle = ({ reads, name }: ReportNode): [number, string] => {
      const known = reads.flatMap(id => place.get(id) ?? []);
      return [known.length === 0 ? 0 : known.reduce((a, b) => a + b, 0) / known.length, name];
    };
    column.sort((a, b) => {
      const [[x, n1], [y, n2]] = [middle(a), middle(b)];
      return x - y || (n1 < n2 ? -1 : 1);
    });
    for (const [i, node] of column.entries()) place.set(node.id, i);
  }
  return filled;
}

export function statusClass(status: string): string {
  if (["error", "fail", "runtime error", "partial success"].includes(status)) return "s-bad";
  if (["warn", "skipped"].includes(status)) return "s-warn";
  return status === "" ? "s-none" : "s-good";
}
