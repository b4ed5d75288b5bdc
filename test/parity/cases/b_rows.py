"""Section b: row ids of their own, root keys, collisions, nested hints."""
from build import case, run

MERGE = {"primary_key": "id", "write_disposition": "merge"}
UPSERT = {"primary_key": "id", "write_disposition": {"disposition": "merge", "strategy": "upsert"}}
SCD = {"write_disposition": {"disposition": "merge", "strategy": "scd2"}}
D = [{"id": 1, "l": [{"m": [1]}]}]
case("b_own_root_id", "rows with a _dlt_root_id and _dlt_parent_id of their own", run([{"id": 1, "_dlt_root_id": "r", "_dlt_parent_id": "p", "_dlt_list_idx": 7}]))
case("b_own_root_id_number", "rows with a _dlt_root_id that is a number", run([{"id": 1, "_dlt_root_id": 4}]))
case("b_own_parent_in_child", "children with a _dlt_parent_id of their own", run([{"id": 1, "l": [{"_dlt_parent_id": "mine", "_dlt_list_idx": 9, "v": 1}]}]))
case("b_own_load_id_number", "a _dlt_load_id that is a number", run([{"id": 1, "_dlt_load_id": 5}]))
case("b_own_ids_upsert", "rows with a _dlt_id of their own under upsert", run([{"id": 1, "_dlt_id": "mine", "l": [1]}, {"id": 2, "l": [2]}], hints=UPSERT), run([{"id": 1, "_dlt_id": "mine2", "l": [5]}, {"id": 2, "l": [2, 3]}]))
case("b_own_ids_scd2", "rows with a _dlt_id of their own under scd2", run([{"id": 1, "_dlt_id": "mine"}, {"id": 2}], hints=SCD), run([{"id": 1, "_dlt_id": "mine", "v": 2}, {"id": 2}]))
case("b_own_ids_merge", "rows with ids of their own under merge", run([{"id": 1, "_dlt_id": "mine", "l": [{"_dlt_id": "c1", "v": 1}]}], hints=MERGE), run([{"id": 1, "_dlt_id": "mine", "l": [{"_dlt_id": "c1", "v": 2}]}]))
for n, w in (("append", "append"), ("replace", "replace"), ("scd2", SCD["write_disposition"]), ("upsert", {"disposition": "merge", "strategy": "upsert"})):
    for rk in (True, False):
        case(f"b_root_key_{n}_{'on' if rk else 'off'}", f"root_key {rk} with {n}", run(D, hints={"write_disposition": w, "primary_key": "id"}, source_args={"name": "api", "root_key": rk}), run([{"id": 1, "l": [{"m": [1, 2]}]}, {"id": 2, "l": [{"m": [3]}]}]))
case("b_merge_to_append", "merge, then append: the root key stays", run(D, hints=MERGE), run([{"id": 2, "l": [{"m": [2]}], "k": [1]}], hints={"write_disposition": "append"}), run(D, hints=MERGE))
case("b_root_key_switched_off", "root_key on, then not said", run(D, source_args={"name": "api", "root_key": True}), run([{"id": 2, "l": [{"m": [2]}]}], source_args={"name": "api"}))
case("b_root_key_late", "root_key on in the second run: a NOT NULL column for a filled table", run(D), run(D, source_args={"name": "api", "root_key": True}))
case("b_root_key_late_new_list", "merge with a list that comes in the second run", run([{"id": 1}], hints=MERGE), run(D), run([{"id": 1, "l": [{"m": [{"n": 1}]}]}]))
case("b_list_in_object_in_list", "lists in objects in lists", run([{"id": 1, "l": [{"o": {"p": [{"q": {"r": [1]}}]}}]}]))
case("b_list_of_lists_nesting", "lists of lists under nesting limits", run([{"id": 1, "m": [[1, 2], [[3]]], "o": {"m": [[1]]}}], hints={"max_table_nesting": 1}), run([{"id": 2, "m": [[1], [[2, [3]]]]}]))
case("b_lists_nesting_2", "lists of lists under nesting 2", run([{"id": 1, "m": [[1, 2], [[3]]], "o": {"m": [[[1]]]}}], source_args={"name": "api", "max_table_nesting": 2}))
case("b_empty_under_json", "empty lists and objects under nesting 0", run([{"id": 1, "l": [], "o": {}, "n": None, "d": {"x": []}}], hints={"max_table_nesting": 0}))
case("b_collisions_nested", "columns that collide after flattening, three ways", run([{"a": {"b__c": 1}, "a__b": {"c": 2}, "a__b__c": 3}, {"a__b__c": 1, "a": {"b": {"c": 9}}}, {"A": {"B": 1}, "a": {"b": 2}}]))
case("b_child_collision", "two lists that give one child table", run([{"id": 1, "a__b": [1], "a": {"b": [2, 3]}}, {"id": 2, "A": [1], "a": [2]}]))
case("b_column_named_as_child", "a scalar and a list of one name in different rows, with merge", run([{"id": 1, "v": [1]}, {"id": 2, "v": "x"}], hints=MERGE), run([{"id": 1, "v": "y"}, {"id": 2, "v": [2]}]))
case("b_null_element_types", "lists with nulls and types that change", run([{"id": 1, "l": [None, 1, "x"]}, {"id": 2, "l": [None]}, {"id": 3, "l": [{"a": None}, {"a": 1}]}]))
case("b_value_list_of_objects_then_scalars", "objects first, scalars in the next run", run([{"id": 1, "l": [{"a": 1}]}]), run([{"id": 2, "l": [5, "x"]}]), run([{"id": 3, "l": [[1], {"a": "z"}]}]))
case("b_key_hint_after", "a hinted key is not null: late null fails", run([{"id": 1}], hints={"primary_key": "id"}), run([{"id": None}]), run([{"id": 3}], drop_pending=True))
case("b_key_types", "key columns with and without a type, in their places", run([{"a": 1, "k": 2, "z": 3, "m": 4}], hints={"primary_key": ["k", "m"], "merge_key": "z", "columns": {"m": {"data_type": "text"}, "z": {"nullable": True}}}))
case("b_nullable_key", "a key that its hint makes nullable", run([{"id": 1, "v": 1}, {"id": None, "v": 2}], hints={**MERGE, "columns": {"id": {"nullable": True, "data_type": "bigint"}}}), run([{"id": None, "v": 3}, {"id": 1, "v": 4}]))
case("b_missing_column_upsert", "a key column that a row lacks, upsert", run([{"id": 1}, {"v": 2}], hints=UPSERT))
case("b_max_nesting_child", "children of children under nesting 2, second run deeper", run(D, source_args={"name": "api", "max_table_nesting": 2}), run([{"id": 1, "l": [{"m": [[1]], "o": {"p": {"q": 1}}}]}], source_args={"name": "api", "max_table_nesting": 3}))
case("b_nesting_runs", "resource nesting that is the same in three runs", run([{"id": 1, "o": {"p": {"q": 1}}}], hints={"max_table_nesting": 1}), run([{"id": 2, "o": {"p": {"q": 1}}}]), run([{"id": 3, "o": {"p": {"q": 1}}, "n": 1}]))
case("b_nested_hints_key", "nested_hints with a primary key", run([{"id": 1, "lines": [{"sku": 1, "qty": "5"}, {"sku": 2, "qty": "x"}]}], hints={"nested_hints": {"lines": {"primary_key": "sku"}}}), run([{"id": 2, "lines": [{"sku": 1, "qty": 5}]}]))
case("b_nested_hints_merge", "nested_hints with a key and a disposition under merge", run([{"id": 1, "lines": [{"sku": 1, "qty": "5"}]}], hints={**MERGE, "nested_hints": {"lines": {"columns": {"qty": {"name": "qty", "data_type": "bigint"}}}}}), run([{"id": 1, "lines": [{"sku": 1, "qty": 7}]}]))
case("b_nested_hints_path", "nested_hints for a grand-child as text", run([{"id": 1, "lines": [{"sku": 1, "parts": [{"x": 1}]}]}], hints={"nested_hints": {"lines__parts": {"columns": {"x": {"name": "x", "data_type": "text"}}}}}))
case("b_nested_hints_merge_key", "nested_hints with merge_key", run([{"id": 1, "lines": [{"sku": 1}]}], hints={"nested_hints": {"lines": {"merge_key": "sku"}}}))
case("b_nested_hints_disposition", "nested_hints with a disposition of its own", run([{"id": 1, "lines": [{"sku": 1}]}], hints={"nested_hints": {"lines": {"primary_key": "sku", "write_disposition": "merge"}}}), run([{"id": 1, "lines": [{"sku": 1}, {"sku": 2}]}]))
case("b_nested_hints_nesting", "nested_hints with max_table_nesting", run([{"id": 1, "lines": [{"sku": 1, "o": {"p": 1}, "l": [1]}]}], hints={"nested_hints": {"lines": {"max_table_nesting": 0}}}))
case("b_nested_hints_missing", "nested_hints for a list that never comes", run([{"id": 1}], hints={"nested_hints": {"lines": {"columns": {"x": {"name": "x", "data_type": "text"}}}}}), run([{"id": 2, "lines": [{"x": 5}]}]))
case("b_nested_hints_names", "nested_hints for a list with an odd name", run([{"id": 1, "Line Items": [{"Sku": 1}]}], hints={"nested_hints": {"Line Items": {"columns": {"Sku": {"name": "Sku", "data_type": "text"}}}}}))
case("b_nested_hints_references", "nested_hints with references and formats", run([{"id": 1, "lines": [{"sku": 1}]}], hints={"nested_hints": {"lines": {"references": [{"referenced_table": "other", "columns": ["sku"], "referenced_columns": ["id"]}]}}}))
case("b_very_wide", "1,500 columns, then as many more, merged", run([{"id": 1, **{f"c{i}": i for i in range(1500)}}], hints=MERGE), run([{"id": 1, **{f"d{i}": i for i in range(900)}}, {"id": 2, "c5": 1}]))
