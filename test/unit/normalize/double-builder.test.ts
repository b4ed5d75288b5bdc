/** A row that is taken back leaves nothing behind in its columns. */
import { DoubleBuilder } from "../../../src/normalize/parquet/fixed-builders";

const builder = () => new DoubleBuilder("d", { kind: "double" }, "literals");

test("a column of literals stays one of numbers when the row with NaN was taken back", () => {
  const plain = builder();
  plain.write(0, 1.5);
  const taken = builder();
  taken.write(0, 1.5);
  taken.write(1, Number.NaN);
  taken.rollback(1);
  expect(taken.take(1).type).toEqual(plain.take(1).type);
});

test("NaN in a row that stays is still told", () => {
  const plain = builder();
  plain.write(0, 1.5);
  const odd = builder();
  odd.write(0, Number.NaN);
  odd.write(1, Number.POSITIVE_INFINITY);
  odd.rollback(1);
  expect(odd.take(1).type).not.toEqual(plain.take(1).type);
});
