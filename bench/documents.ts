/** Deterministic nested documents, about 420 bytes each: 11 root columns, an object, and a list of 1 to 5 lines. */
const CITIES = ["Gdańsk", "Lisbon", "Oslo", "São Paulo", "Kyoto", "Nairobi", "Quito", "Turin"];
const STATES = ["open", "paid", "shipped", "returned"];

/** A small linear generator: the same documents on every machine, without keeping them. */
function generator(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export function orderDocument(id: number): object {
  const next = generator(id + 1);
  const lines = 1 + Math.floor(next() * 5);
  const day = 1 + Math.floor(next() * 28);
  return {
    id,
    order_no: `ORD-${String(id).padStart(8, "0")}`,
    placed_at: `2026-0${1 + (id % 9)}-${String(day).padStart(2, "0")}T${String(id % 24).padStart(2, "0")}:15:30.125Z`,
    status: STATES[Math.floor(next() * STATES.length)],
    total: Math.floor(next() * 1_000_000) / 100 + 0.005,
    priority: Math.floor(next() * 10),
    gift: next() < 0.2,
    note: next() < 0.3 ? null : `note ${Math.floor(next() * 1e9).toString(36)}`,
    customer: {
      id: Math.floor(next() * 50_000),
      name: `Customer ${Math.floor(next() * 50_000)}`,
      city: CITIES[Math.floor(next() * CITIES.length)],
    },
    lines: Array.from({ length: lines }, (_, i) => ({
      sku: `SKU-${Math.floor(next() * 5_000)}`,
      qty: 1 + i,
      price: Math.floor(next() * 10_000) / 100 + 0.001,
    })),
  };
}

export function orderPage(first: number, count: number): string {
  const documents = Array.from({ length: count }, (_, i) => JSON.stringify(orderDocument(first + i)));
  return `{"data":[${documents.join(",")}]}`;
}
