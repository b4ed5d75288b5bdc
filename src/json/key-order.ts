/**
 * JavaScript objects list integer-like keys ("2024") first, Python dicts in document order, and the order of
 * columns comes from it. The parser remembers the document order of such objects here, for those who list keys.
 */
const documentOrder = new WeakMap<object, string[]>();
let anyRemembered = false;

export function rememberKeyOrder(object: object, keys: string[]): void {
  documentOrder.set(object, keys);
  anyRemembered = true;
}

/** The remembered order, or undefined when the natural order of the object is the document's. */
export function rememberedKeyOrder(object: object): string[] | undefined {
  return anyRemembered ? documentOrder.get(object) : undefined;
}

/** Keys of an object in document order. */
export function keysInOrder(object: object): string[] {
  const keys = Object.keys(object);
  const order = rememberedKeyOrder(object);
  if (order === undefined) return keys;
  // Keys may have been added or removed since it was parsed.
  const present = new Set(keys);
  const kept = order.filter(key => present.delete(key));
  return present.size === 0 ? kept : kept.concat([...present]);
}
