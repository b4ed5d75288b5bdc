import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { orjsonText } from "../../../src/json/print";
import type { Value } from "../../../src/json/values";
import { fromStored, toCursorValue, toStored } from "../../../src/state/cursor-values";
import {
  copyState,
  emptyState,
  finishState,
  getIncremental,
  resetResource,
  setIncremental,
  stateHash,
} from "../../../src/state/pipeline-state";
import { decodeStateBlob, encodeStateBlob, stateRef } from "../../../src/state/state-blob";

/** Written by dlt 1.31.0: its own blob, its hash, and the last value of the cursor as type and text. */
interface Vector {
  name: string;
  hash: string;
  blob: string;
  last: [string, string] | null;
}
const vectors = JSON.parse(readFileSync(join(__dirname, "vectors/states.json"), "utf8")) as Vector[];
const props = {
  pipeline_name: "p1",
  dataset_name: "d1",
  default_schema_name: "api",
  schema_names: ["api"],
  destination_type: "dlt.destinations.duckdb",
  destination_name: null,
};

describe.each(vectors.map(vector => [vector.name, vector] as const))(
  "a state of dlt: %s",
  (_name, vector) => {
    it("has the hash that dlt gave it", () => {
      expect(stateHash(decodeStateBlob(vector.blob))).toBe(vector.hash);
    });
    it("comes out as it went in", () => {
      const again = decodeStateBlob(encodeStateBlob(copyState(decodeStateBlob(vector.blob))));
      const text = (state: unknown) => orjsonText(state as Value, { sortKeys: true });
      expect(text(again)).toBe(text(decodeStateBlob(vector.blob)));
      expect(stateHash(again)).toBe(vector.hash);
    });
    it("is not changed by a run that changes nothing", () => {
      const finished = finishState(decodeStateBlob(vector.blob), props);
      expect(finished.changed).toBe(false);
      expect(finished.state._state_version).toBe(3);
    });
    if (vector.last !== null) {
      it("gives its cursor for histories, exact", () => {
        const stored = getIncremental(decodeStateBlob(vector.blob), "api", "items", "u")!;
        const value = fromStored(stored.last_value);
        expect(toCursorValue(value)).toEqual({ type: vector.last![0], text: vector.last![1] });
        if (!["uuid", "wei"].includes(vector.name)) expect(toStored(value)).toEqual(stored.last_value);
      });
    }
  },
);

describe("the state's version", () => {
  it("is 1 when first stored, and goes up with content only", () => {
    const first = finishState(emptyState("p1", "d1"), props);
    expect(first).toMatchObject({ changed: true, state: { _state_version: 1 } });
    expect(first.state._version_hash).toBe("35z2gHQicLtVSv8KiWI56VjY2oLET9twB0M4+3Fd6oo=");
    expect(finishState(first.state, props)).toMatchObject({ changed: false, state: { _state_version: 1 } });
    const moved = copyState(first.state);
    setIncremental(moved, { source: "api", resource: "items", cursor_path: "u" }, { last_value: 1 });
    expect(finishState(moved, props)).toMatchObject({ changed: true, state: { _state_version: 2 } });
  });
  it("counts the empty source that a reset leaves behind, as dlt does", () => {
    const state = emptyState("p1", "d1");
    resetResource(state, "s", "r");
    expect(finishState(state, props).state.sources).toEqual({ s: {} });
  });
  it("goes up when a stored hash was wrong", () => {
    const state = { ...finishState(emptyState("p1", "d1"), props).state, _version_hash: "edited" };
    expect(finishState(state, props)).toMatchObject({ changed: true, state: { _state_version: 2 } });
  });
});

describe("state texts", () => {
  const state = finishState(emptyState("p1", "d1"), props).state;
  it("may be bare JSON", () => {
    expect(decodeStateBlob(orjsonText(state as Value))).toEqual(state);
  });
  it("are zlib at level 9", () => {
    const bytes = Buffer.from(encodeStateBlob(state), "base64");
    expect([bytes[0], bytes[1]]).toEqual([0x78, 0xda]);
    expect(JSON.parse(inflateSync(bytes).toString())).toEqual(state);
  });
  it.each(["not base64!", "AAAA", "", '{"a":1}', "[1]"])("that are none are refused: %p", blob => {
    expect(() => decodeStateBlob(blob)).toThrow(expect.objectContaining({ code: "DESTINATION_REFUSED" }));
  });
  it("of a newer engine are refused", () => {
    const blob = encodeStateBlob({ ...state, _state_engine_version: 5 });
    expect(() => decodeStateBlob(blob)).toThrow(expect.objectContaining({ code: "ENGINE_TOO_OLD" }));
  });
  it("of engine 3 are brought up", () => {
    const { destination_type: _type, destination_name: _name, ...rest } = state;
    const old = { ...rest, _state_engine_version: 3, destination: "dlt.destinations.duckdb" };
    expect(decodeStateBlob(encodeStateBlob(old))).toMatchObject(props);
  });
  it("stay out of histories when they are large", () => {
    const large = copyState(state);
    const hashes = Array.from({ length: 20_000 }, (_, i) => Buffer.from(`${i * 7919}`).toString("base64"));
    setIncremental(large, { source: "api", resource: "r", cursor_path: "u" }, { unique_hashes: hashes });
    expect(stateRef(large)).toEqual({ version: 1, version_hash: state._version_hash });
    expect(stateRef(state).blob).toBe(encodeStateBlob(state));
  });
});
