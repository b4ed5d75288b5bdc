"""Section c: inference, coercion, variants, big numbers."""
from build import case, run

TYPES = ["text", "double", "bool", "timestamp", "bigint", "binary", "json", "decimal", "wei", "date", "time"]
STAMPS = ["2024-03-10T12:34:56Z", "2024-03-10 12:34:56", "2024-03-10T12", "2024-03-10T12:34", "20240310T123456Z",
          "2024-03-10T12:34:56.1+0100", "2024-03-10T12:34:56.123456789Z", "2024-03-10T12:34:56+02:30", "2024-03-10T12:34:56-0500",
          "2024-W10-7T12:00:00", "2024-069T12:00:00", "2024-03-10", "2024", "2024-03", "20240310", "2024/03/10", "2024-W10-7",
          "2024-069", "12:34:56", "P1D", "2024-03-10T00:00:00/2024-03-11T00:00:00", "2024-03-10t12:34:56z", "2024-03-10T24:00:00",
          " 2024-03-10T12:34:56Z", "2024-02-30T00:00:00Z", "2024-3-1", "1710073496", "2024-03-10T12:34:56.", "2024-03-10T12:34:60Z",
          "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-03-10T12:34:56 Z", "2024-03-10T12:34:56.123456+00:00",
          "2024-03-10T12:34:56+14:00", "2024-03-10T12:34:56,5Z", "2024-03-10T1234", "20240310T12", "2024-03-10T12:34:56.12345"]
case("c_timestamps", "which texts are timestamps", run([{"id": i, f"s{i}": s} for i, s in enumerate(STAMPS)]))
case("c_inference", "types of JSON values",
     run(raw='[{"i":5,"f":2.5,"g":3.0,"e":1e3,"E":1E+2,"s":"x","b":true,"z":-0.0,"m":-7,"big":9007199254740993,"max":9223372036854775807,"min":-9223372036854775808,"tiny":1e-320,"huge":1.7976931348623157e308,"u":"é😀","d":"2024-01-01","ts":"2024-01-01T00:00:00Z"}]'))
case("c_double_text", "doubles and integers as text, in Python's spelling",
     run(raw='[{"t":1.0},{"t":1e22},{"t":1e-7},{"t":2.5},{"t":5},{"t":true},{"t":false},{"t":1e16},{"t":123456789012345680},{"t":0.1},{"t":1e15},{"t":-0.0},{"t":1.5e300},{"t":1e-5},{"t":0.0001},{"t":12345678.9},{"t":9007199254740993},{"t":"2024-01-01T00:00:00Z"}]',
         hints={"columns": {"t": {"data_type": "text"}}}))
VALUES = {
    "bigint": ['"5"', '" 7 "', '"0x1f"', '"1.5"', '"abc"', "3.0", "3.5", "true", '"-9"', '"+4"', '"1_000"', '"9223372036854775807"', '""', '"1e3"', '"2024-01-01T00:00:00Z"'],
    "double": ['"5"', '" 7.5 "', '"0x1f"', '"1e3"', '"abc"', "3", "true", "9007199254740993", '"1_0.5"', '""', '".5"'],
    "decimal": ['"5"', '"12.345678901234"', "12.345", "3", "1e-5", "true", '"abc"', '"1e3"', '" 7.5 "', '"-0.0000000015"', "1.0", '"0x1f"'],
    "wei": ['"5"', "3", "3.7", '"340282366920938463463374607431768211456"', "true", '"abc"', '"0x1f"', "9223372036854775807"],
    "bool": ['"yes"', '"true"', '"T"', '"y"', '"1"', '"No"', '"false"', '"f"', '"N"', '"0"', "1", "0", "2", "0.0", "2.5", '"maybe"', '""', '" yes "'],
    "timestamp": ['"2024-01-02"', '"2024-01-02T03:04:05.123456789+02:00"', "1700000000", "1700000000.123456", '"2024-01"', '"abc"', "true", '"20240102"', '"2024-W10-7"',
                  '"12:34:56"', "-1", '"2024-01-02 03:04"', '"1700000000"', '"0001-01-01T00:00:00Z"'],
    "date": ['"2024-01-02"', '"2024-01-02T23:04:05-05:00"', "1700000000", "1700000000.5", '"abc"', "true", '"20240102"', '"2024"', '"2024-01-02T00:00:00"'],
    "time": ['"12:34:56"', '"12:34"', '"12:34:56.123456"', '"2024-01-02T03:04:05Z"', '"abc"', '"12"', '"12:34:56.123456789"', '"123456"'],
    "binary": ['"0x1f20"', '"aGVsbG8="', '"hello"', "255", '"aGVsbG8"', '""', "0", "65536", '"0x"', '"aGVs bG8="'],
    "json": ['"{\\"a\\": 1}"', '"[1, 2.0]"', '"abc"', '{"a":{"b":1.0}}', "[1,2]", "5", "true", '"5"', "2.5"],
    "text": ["5", "2.5", "true", "false", '"x"', "1e22", '{"a":1}', "[1]", "null", '"2024-01-01T00:00:00Z"'],
}
for kind, values in VALUES.items():
    for i, value in enumerate(values):
        pass
    # each value in a run of its own row; those that fail make variants
    case(f"c_to_{kind}", f"coercion of all kinds of values to {kind}",
         run(raw="[" + ",".join(f'{{"id":{i},"c{i}":{v}}}' for i, v in enumerate(values)) + "]",
             hints={"columns": {f"c{i}": {"data_type": kind} for i in range(len(values))}}))
case("c_variants", "variants of an integer column", run([{"v": 1}, {"v": "x"}, {"v": 2.5}, {"v": True}, {"v": "8"}, {"v": 3.0}, {"v": None}]))
case("c_variants_bool", "variants of a bool column", run([{"v": True}, {"v": 1}, {"v": "x"}, {"v": 0}, {"v": "yes"}, {"v": 2.5}]))
case("c_variants_double", "values that come to a double column", run([{"v": 1.5}, {"v": 1}, {"v": "2"}, {"v": "x"}, {"v": True}]))
case("c_variants_timestamp", "values that come to a timestamp column", run([{"v": "2024-01-01T00:00:00Z"}, {"v": "2024-01-01"}, {"v": "x"}, {"v": 1700000000}, {"v": True}, {"v": 1.5}]))
case("c_variant_of_text", "everything fits text", run([{"v": "x"}, {"v": 1}, {"v": 1.5}, {"v": True}, {"v": "2024-01-01T00:00:00Z"}]))
case("c_variant_timestamp_text", "ISO text makes a timestamp variant, then plain text fits nowhere",
     run([{"v": 1}, {"v": "2024-01-01T00:00:00Z"}]), run([{"v": "plain"}]))
case("c_variant_between_runs", "variants between runs", run([{"id": 1, "v": 1}]), run([{"id": 2, "v": "x"}]), run([{"id": 3, "v": "y"}, {"id": 4, "v": 5}]))
case("c_variant_in_child", "variants in child tables and of a list's values", run([{"id": 1, "l": [1, "x", 2.5, True], "d": [{"a": 1}, {"a": "z"}]}]))
case("c_variant_name_taken", "a data column with the variant's name", run([{"v": 1, "v__v_text": "mine"}, {"v": "x"}]))
case("c_variant_json", "json variants under nesting 0", run([{"id": 1, "v": 5}], hints={"max_table_nesting": 0}), run([{"id": 2, "v": {"a": 1}}, {"id": 3, "v": [1]}]))
case("c_text_first_then_ts", "text first, then ISO text", run([{"v": "x"}, {"v": "2024-01-01T00:00:00Z"}]))
case("c_ts_first_then_text", "ISO text first, then text", run([{"v": "2024-01-01T00:00:00Z"}, {"v": "x"}, {"v": "y"}]))
case("c_uint64", "2^63 to 2^64-1 without hints fails the load", run(raw='[{"v":9223372036854775808}]'), run([{"v": 1}], drop_pending=True))
case("c_uint64_hints", "2^63 with hints", run(raw='[{"w":9223372036854775808,"d":18446744073709551615,"t":9223372036854775808,"f":9223372036854775808}]',
     hints={"columns": {"w": {"data_type": "wei"}, "d": {"data_type": "decimal"}, "t": {"data_type": "text"}, "f": {"data_type": "double"}}}))
case("c_uint65", "2^64 fails extract", run(raw='[{"v":18446744073709551616}]'), run([{"v": 1}]))
case("c_neg65", "below -2^63 fails extract", run(raw='[{"v":-9223372036854775809}]'))
case("c_uint65_hint", "2^64 fails extract whatever the hints", run(raw='[{"v":18446744073709551616}]', hints={"columns": {"v": {"data_type": "wei"}}}))
case("c_float_overflow", "number literals beyond a double", run(raw='[{"id":1,"v":1e400,"w":-1e400}]'))
case("c_decimal_scale", "decimals are rounded to scale by the database",
     run(raw='[{"a":"12.345","b":12.345,"c":"0.005","d":12345678.999,"e":"1.115"}]', hints={"columns": {k: {"data_type": "decimal", "precision": 10, "scale": 2} for k in "abcde"}}))
case("c_decimal_too_big", "a decimal beyond its precision fails the load", run([{"a": "12345.6"}], hints={"columns": {"a": {"data_type": "decimal", "precision": 5, "scale": 2}}}), run([{"a": "1.2"}], drop_pending=True))
case("c_precisions", "precisions of all types",
     run([{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "t": "x", "p0": "2024-01-01T00:00:00.123456Z", "p3": "2024-01-01T00:00:00.123456Z", "p6": "2024-01-01T00:00:00.123456Z", "p9": "2024-01-01T00:00:00.123456Z", "n": "2024-01-01T02:00:00+02:00", "z": "2024-01-01T00:00:00Z", "x": "0x01"}],
         hints={"columns": {"a": {"data_type": "bigint", "precision": 8}, "b": {"data_type": "bigint", "precision": 16}, "c": {"data_type": "bigint", "precision": 32}, "d": {"data_type": "bigint", "precision": 64}, "e": {"data_type": "bigint", "precision": 128},
                "t": {"data_type": "text", "precision": 10}, **{f"p{n}": {"data_type": "timestamp", "timezone": False, "precision": n} for n in (0, 3, 6, 9)}, "n": {"data_type": "timestamp", "timezone": False}, "z": {"data_type": "timestamp", "precision": 3}, "x": {"data_type": "binary", "precision": 4}}}))
case("c_tinyint_overflow", "an integer beyond its precision fails the load", run([{"a": 300}], hints={"columns": {"a": {"data_type": "bigint", "precision": 8}}}))
case("c_times", "times and dates", run([{"t": "12:34:56.123456", "d": "2024-02-29", "u": "00:00:00"}, {"t": "23:59:59", "d": "1969-12-31"}], hints={"columns": {"t": {"data_type": "time"}, "d": {"data_type": "date"}, "u": {"data_type": "time"}}}))
case("c_naive_timestamps", "timezone false: stored without zone", run([{"t": "2024-01-01T02:00:00+02:00"}, {"t": "2024-01-01T00:00:00"}, {"t": "2024-06-01T00:00:00.123456Z"}], hints={"columns": {"t": {"data_type": "timestamp", "timezone": False}}}))
case("c_timestamp_precision_detected", "fractions are cut to six digits", run([{"t": "2024-01-01T00:00:00.999999999Z"}, {"t": "1969-12-31T23:59:59.9999999Z"}]))
case("c_detect_in_text_column", "a hinted text column keeps ISO text", run([{"t": "2024-01-01T00:00:00Z"}], hints={"columns": {"t": {"data_type": "text"}}}))
case("c_hint_changes", "a type hint that changes between runs", run([{"v": 1}]), run([{"v": 2}], hints={"columns": {"v": {"data_type": "text"}}}), run([{"v": "x"}]))
case("c_double_then_int", "doubles and integers in one column", run(raw='[{"v":1.0},{"v":2},{"v":2.5}]'), run(raw='[{"v":3},{"v":4.0}]'))
case("c_int_then_double", "an integer column that gets doubles", run(raw='[{"v":1},{"v":2.0},{"v":2.5},{"v":1e3}]'))
case("c_text_with_odd_characters", "texts with quotes, newlines, NUL, emoji, separators", run(raw='[{"t":"a\'b\\"c\\\\d\\ne\\tf\\rg"},{"t":"x\\u0001"},{"t":"😀 \\u2028\\u2029 \\ufeff"},{"t":""},{"t":" "},{"t":"\\ue026\\uf026 1"},{"t":"NULL"},{"t":"E\'x\'"}]'))
case("c_duplicate_keys", "duplicate keys: the last wins", run(raw='[{"a":1,"b":2,"a":3}]'))
case("c_typed_markers", "texts that begin with the characters of typed JSON", run(raw='[{"t":"\\uf0271"},{"t":"\\uf026x"},{"t":"\\uf02caa"},{"t":"\\uf028"}]'))
