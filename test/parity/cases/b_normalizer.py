"""Section b: flattening, child tables, row ids, nesting limits."""
from build import case, route, run

MERGE = {"primary_key": "id", "write_disposition": "merge"}
UPSERT = {"primary_key": "id", "write_disposition": {"disposition": "merge", "strategy": "upsert"}}
DEEP = [{"id": 1, "o": {"p": {"q": {"r": 1, "l": [{"m": {"n": 1}, "k": [1, [2, 3]]}]}}, "s": "t"}, "e": [], "f": {}},
        {"id": 2, "o": {"p": {"q": {"r": 2, "l": []}}}, "e": [1], "f": {"g": 1}}]

case("b_order", "columns come in stack order, not document order",
     run([{"a": {"x": 1, "p": {"q": 1}, "r": {"s": 1}}, "b": 1, "c": {"y": 1}, "z": 2}]))
case("b_lists", "lists of dicts, scalars, nulls, lists, mixed",
     run([{"id": 1, "d": [{"a": 1}, {"b": 2}], "s": [1, 2], "n": [None, None], "m": [1, "x", {"k": 1}, None, True, 1.5],
           "matrix": [[1, 2], [3]], "deep": [[[1], [2]], [[3]]], "mix": [[1], 2, {"a": 3}], "e": [], "o": {}, "x": None}]))
case("b_list_of_nothing", "nothing but nulls and empties leaves no trace",
     run([{"id": 1, "n": None, "l": [], "o": {}, "c": [None], "e": [[]], "f": [{}], "g": {"h": {}}}]))
for level in (0, 1, 2, 3):
    case(f"b_nesting_{level}", f"max_table_nesting {level} of the source", run(DEEP, source_args={"name": "api", "max_table_nesting": level}))
    case(f"b_resource_nesting_{level}", f"max_table_nesting {level} of the resource", run(DEEP, hints={"max_table_nesting": level}))
case("b_nesting_changes", "nesting changes between runs: known json columns stay json",
     run(DEEP, hints={"max_table_nesting": 0}), run(DEEP, hints={"max_table_nesting": 2}), run(DEEP, hints={}))
case("b_nesting_both", "resource nesting wins over the source's",
     run(DEEP, hints={"max_table_nesting": 2}, source_args={"name": "api", "max_table_nesting": 0}))
case("b_json_hint", "a column hinted json keeps dicts and lists", run(DEEP, hints={"columns": {"o": {"data_type": "json"}, "e": {"data_type": "json"}}}))
case("b_json_hint_nested", "a json hint for a flattened path", run(DEEP, hints={"columns": {"o__p": {"data_type": "json"}}}))
case("b_json_values", "json columns: numbers, unicode, empty, scalars of all kinds",
     run(raw='[{"j":{"a":1.0,"b":1e22,"c":1e-7,"d":"Gdańsk \\u0001 \\"q\\"","e":[],"f":{},"g":null,"h":true,"i":[1,[2.50,{"z":1,"a":2}]]}},{"j":[1,"a"]},{"j":"text"},{"j":5},{"j":1.0},{"j":true},{"j":null},{"j":"{\\"x\\": 1}"}]',
         hints={"columns": {"j": {"data_type": "json"}}}))
case("b_scalars_rows", "items that are no dicts", run([1, 2, "x", None, 2.5, True]))
case("b_list_rows", "items that are lists", run([[1, 2], [3]]))
case("b_own_dlt_id", "rows with a _dlt_id and a _dlt_load_id of their own",
     run([{"id": 1, "_dlt_id": "mine", "l": [1]}, {"id": 2, "_dlt_id": "", "_dlt_load_id": "x"}, {"id": 3, "_dlt_id": None}]))
case("b_own_list_ids", "children with ids of their own", run([{"id": 1, "l": [{"_dlt_id": "c1", "v": 1}, {"v": 2}]}]))
case("b_key_hash", "ids of upsert rows and their children",
     run([{"id": 7, "l": [{"k": 1, "m": [1]}]}, {"id": "7"}, {"id": 7.5}, {"id": True}], hints=UPSERT))
case("b_key_hash_two", "composite key hash, sorted by column name",
     run([{"a": "x", "b": 1}, {"b": 2, "a": "é"}, {"a": "x", "b": 1.0}],
         hints={"primary_key": ["b", "a"], "write_disposition": {"disposition": "merge", "strategy": "upsert"}}))
case("b_key_hash_nested", "key in a nested object", run([{"o": {"id": 1}, "v": 1}, {"o": {"id": 2}, "v": 1}],
     hints={"primary_key": "o__id", "write_disposition": {"disposition": "merge", "strategy": "upsert"}}))
case("b_row_hash", "row hash of scd2: order, nested, empty, floats, unicode",
     run(raw='[{"id":1,"city":"Gdańsk","l":[1,{"z":1,"a":2.5}],"n":null},{"id":2,"f":1.0,"g":1e16,"h":1e22,"i":1e-5,"j":1e-7,"k":-0.0},{"id":3,"e":[],"o":{},"s":"\\u001f\\"\\\\/é😀\\u2028"},{"n":null,"id":4},{"id":5,"b":true,"big":9007199254740993}]',
         hints={"write_disposition": {"disposition": "merge", "strategy": "scd2"}}))
case("b_row_hash_own", "row hash leaves out keys that start with _dlt", run([{"id": 1, "_dlt_x": 1, "v": 1}, {"id": 1, "_dlt_x": 2, "v": 1}],
     hints={"write_disposition": {"disposition": "merge", "strategy": "scd2"}}))
case("b_floats_in_keys", "numbers as keys of upsert",
     run(raw='[{"id":1.0},{"id":1e15},{"id":1e16},{"id":1.5e300},{"id":1e-5},{"id":1.234e-5},{"id":1e-7},{"id":123456789.125}]', hints=UPSERT))
case("b_root_key_merge", "_dlt_root_id in all descendants of a merge root", run([{"id": 1, "l": [{"m": [{"n": [1]}]}]}], hints=MERGE))
case("b_root_key_on", "root_key on for append", run([{"id": 1, "l": [{"m": [1]}]}], source_args={"name": "api", "root_key": True}))
case("b_root_key_off", "root_key off for merge",
     run([{"id": 1, "l": [{"m": [1]}]}], hints=MERGE, source_args={"name": "api", "root_key": False}),
     run([{"id": 1, "l": [{"m": [2]}]}]))
case("b_append_to_merge", "append, then merge with children: fails as in dlt",
     run([{"id": 1, "l": [1]}]), run([{"id": 1, "l": [2]}], hints=MERGE), run([{"id": 1, "l": [2]}]))
case("b_append_to_merge_flat", "append, then merge without children", run([{"id": 1}, {"id": 1}]), run([{"id": 1}], hints=MERGE))
case("b_late_columns", "columns that come late, in rows and in runs",
     run([{"id": 1, "a": None}, {"id": 2, "b": 1}, {"id": 3, "a": "x"}]), run([{"c": 1, "id": 4}]), run([{"d": {"e": 1}, "l": [1], "id": 5}]))
case("b_null_then_typed", "a column null in one run and typed in the next", run([{"id": 1, "a": None, "l": None}]), run([{"id": 2, "a": 2.5, "l": [1]}]))
case("b_dict_for_scalar", "a dict or list where a scalar was", run([{"id": 1, "v": 5, "w": "x"}]), run([{"id": 2, "v": {"n": 1}, "w": [1, 2]}, {"id": 3, "v": 6}]))
case("b_scalar_for_list", "a scalar where a list was", run([{"id": 1, "l": [1]}, {"id": 2, "l": 5}, {"id": 3, "l": {"a": 1}}]))
case("b_null_key", "null in a key fails normalize", run([{"id": 1}, {"id": None}], hints=MERGE))
case("b_missing_key", "a key that is missing fails normalize", run([{"id": 1}, {"v": 1}], hints=MERGE))
case("b_not_null_hint", "nullable false", run([{"id": 1, "v": None}], hints={"columns": {"v": {"data_type": "text", "nullable": False}}}),
     run([{"id": 1, "v": "x"}], drop_pending=True))
case("b_not_null_untyped", "nullable false without a type that never gets a value", run([{"id": 1}], hints={"columns": {"v": {"nullable": False}}}))
case("b_hinted_first", "hinted columns with a type come first, without one in data order",
     run([{"a": 1, "b": 2, "c": 3, "d": 4}], hints={"primary_key": "d", "columns": {"c": {"data_type": "text"}, "b": {"description": "bee"}, "x": {"data_type": "double"}}}))
case("b_value_column", "a column named value next to lists", run([{"id": 1, "value": [1, 2]}, {"id": 2, "value": 5}]))
case("b_wide", "three hundred columns", run([{f"c{i}": i for i in range(300)}]))
case("b_deep", "forty levels of objects and lists", run(raw='[{"id":1,"a":' + '{"b":' * 40 + '1' + '}' * 40 + ',"l":' + '[' * 12 + '1' + ']' * 12 + '}]'))
case("b_many_rows", "more rows than one buffer holds", run([{"id": i, "l": [i, i + 1], "t": f"row {i}"} for i in range(400)]))
case("b_nested_hints", "nested_hints: keys, types, nesting of children",
     run([{"id": 1, "lines": [{"sku": 1, "qty": "5", "parts": [{"x": 1}]}]}],
         hints={"nested_hints": {"lines": {"columns": {"sku": {"name": "sku", "data_type": "text"}}}}}))
case("b_empty_resource", "a resource without rows has a table in the schema only", run([]), run([{"id": 1}]), run([]))
