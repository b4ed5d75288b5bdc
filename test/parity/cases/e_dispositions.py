"""Section e: write dispositions and merge strategies."""
from build import case, run


def merge(strategy=None, key="id", **more):
    hints = {"write_disposition": {"disposition": "merge", **({"strategy": strategy} if strategy else {}), **more.pop("options", {})}, **more}
    if key:
        hints["primary_key"] = key
    return hints


def tree(i, v, *qs, **more):
    return {"id": i, "v": v, "l": [{"q": q, "m": [q, {"d": q}]} for q in qs], **more}


FIRST = [tree(1, "a", 1, 2), tree(2, "b", 3), tree(3, "c")]
SECOND = [tree(1, "a2", 9), tree(3, "c2", 7, 8, 6), tree(4, "d", 5)]
for strategy in ("delete-insert", "upsert", "insert-only", "cdc"):
    name = strategy.replace("-", "_")
    case(f"e_{name}", f"{strategy} with grand-children, three runs", run(FIRST, hints=merge(strategy)), run(SECOND), run([tree(1, "a3"), tree(2, "b", 3, 4)]))
    case(f"e_{name}_flat", f"{strategy} of a flat table", run([{"id": 1, "v": 1}, {"id": 2, "v": 2}], hints=merge(strategy)), run([{"id": 2, "v": 3}, {"id": 3, "v": 4}]))
    case(f"e_{name}_delete_flag", f"hard_delete by a bool flag with {strategy}",
         run([tree(1, "a", 1, x=False), tree(2, "b", 2), tree(3, "c", 3)], hints=merge(strategy, columns={"x": {"hard_delete": True, "data_type": "bool"}})),
         run([tree(1, "a", x=True), tree(2, "b", 5, x=False), tree(9, "new", 1, x=True)]))
    case(f"e_{name}_delete_time", f"hard_delete by a timestamp with {strategy}",
         run([{"id": 1, "gone": None}, {"id": 2, "gone": None}], hints=merge(strategy, columns={"gone": {"hard_delete": True, "data_type": "timestamp"}})),
         run([{"id": 1, "gone": "2024-01-01T00:00:00Z"}, {"id": 3, "gone": "2024-01-01T00:00:00Z"}, {"id": 2, "gone": None}]))
    case(f"e_{name}_composite", f"{strategy} with a composite key", run([{"a": 1, "b": "x", "v": 1}, {"a": 1, "b": "y", "v": 1}], hints=merge(strategy, key=["a", "b"])), run([{"a": 1, "b": "y", "v": 2}, {"a": 2, "b": "x", "v": 2}]))
    case(f"e_{name}_new_columns", f"{strategy} with columns and children that come later", run([{"id": 1}], hints=merge(strategy)), run([{"id": 1, "n": 1, "l": [1]}, {"id": 2, "l": [{"k": 1}]}]), run([{"id": 1, "o": {"p": 1}}]))
    case(f"e_{name}_no_key", f"{strategy} without any key", run([{"id": 1}], hints=merge(strategy, key=None)), run([{"id": 1}]))
    case(f"e_{name}_duplicates", f"identical duplicates in one load with {strategy}", run([{"id": 1, "v": 1}, {"id": 1, "v": 1}], hints=merge(strategy)))
    case(f"e_{name}_merge_key", f"{strategy} with a merge key and a primary key", run([{"id": 1, "day": 1, "v": 1}, {"id": 2, "day": 1, "v": 1}, {"id": 3, "day": 2, "v": 1}], hints=merge(strategy, merge_key="day")), run([{"id": 1, "day": 1, "v": 2}, {"id": 4, "day": 2, "v": 2}]))
case("e_merge_key_only", "merge key without primary key: duplicates stay", run([{"day": 1, "v": 1}, {"day": 1, "v": 2}, {"day": 2, "v": 3}], hints=merge(key=None, merge_key="day")), run([{"day": 1, "v": 5}, {"day": 1, "v": 5}]))
case("e_merge_key_children", "merge key with children", run([{"day": 1, "l": [1]}, {"day": 2, "l": [2]}], hints=merge(key=None, merge_key="day")), run([{"day": 1, "l": [5, 6]}]))
for direction in ("asc", "desc"):
    case(f"e_dedup_{direction}", f"dedup_sort {direction}, with children", run([tree(1, "x", 1, s=1), tree(1, "y", 2, s=3), tree(1, "z", 3, s=2), tree(2, "w", 4, s=1)], hints=merge(columns={"s": {"dedup_sort": direction}})), run([tree(1, "old", 9, s=0)]))
    case(f"e_dedup_delete_{direction}", f"the winner by dedup_sort {direction} decides the deletion", run([{"id": 1, "s": 1, "x": False}, {"id": 1, "s": 2, "x": True}, {"id": 2, "s": 1, "x": True}, {"id": 2, "s": 2, "x": False}], hints=merge(columns={"s": {"dedup_sort": direction, "data_type": "bigint"}, "x": {"hard_delete": True, "data_type": "bool"}})))
    case(f"e_dedup_nulls_{direction}", f"nulls in the dedup_sort column, {direction}", run([{"id": 1, "s": None, "v": "n"}, {"id": 1, "s": 2, "v": "two"}, {"id": 2, "s": None, "v": "n"}], hints=merge(columns={"s": {"dedup_sort": direction, "data_type": "bigint"}})))
case("e_delete_untyped", "hard_delete on a column that data types", run([{"id": 1, "x": None}, {"id": 2, "x": "gone"}], hints=merge(columns={"x": {"hard_delete": True}})), run([{"id": 1, "x": "now"}]))
case("e_delete_no_key", "hard_delete without a key", run([{"id": 1, "x": True}, {"id": 2, "x": False}], hints=merge(key=None, columns={"x": {"hard_delete": True, "data_type": "bool"}})))
case("e_delete_merge_key", "hard_delete with a merge key", run([{"d": 1, "x": False}, {"d": 2, "x": False}], hints=merge(key=None, merge_key="d", columns={"x": {"hard_delete": True, "data_type": "bool"}})), run([{"d": 1, "x": True}]))
case("e_skip_unchanged", "skip_unchanged_rows keeps the load id of unchanged rows", run([tree(1, "a", 1), tree(2, "b", 2)], hints=merge("upsert", options={"skip_unchanged_rows": True})), run([tree(1, "a", 1), tree(2, "b2", 2)]), run([tree(1, "a", 5)]))
case("e_skip_unchanged_version", "skip_unchanged_rows by a version column", run([{"id": 1, "v": 1, "ver": 1}, {"id": 2, "v": 1, "ver": 1}], hints=merge("upsert", options={"skip_unchanged_rows": True, "row_version_column_name": "ver"})), run([{"id": 1, "v": 2, "ver": 1}, {"id": 2, "v": 2, "ver": 2}]))
case("e_source_filter", "source_filter discards staged rows", run([{"id": 1, "v": 1}, {"id": 2, "v": 9}], hints=merge("upsert", options={"source_filter": "v < 5"})), run([{"id": 1, "v": 7}, {"id": 3, "v": 2}]))
case("e_source_filter_delete_insert", "source_filter with delete-insert", run([{"id": 1, "v": 1}, {"id": 2, "v": 9}], hints=merge("delete-insert", options={"source_filter": "v < 5"})), run([{"id": 1, "v": 7}, {"id": 3, "v": 2}]))
case("e_destination_scope", "destination_scope replaces the delete by key", run([{"id": 1, "day": 1}, {"id": 2, "day": 2}], hints=merge("delete-insert", options={"destination_scope": "day = 2"})), run([{"id": 3, "day": 2}, {"id": 1, "day": 1}]))
case("e_cdc_scope", "cdc within a destination_scope", run([{"id": 1, "day": 1}, {"id": 2, "day": 2}, {"id": 3, "day": 2}], hints=merge("cdc", options={"destination_scope": "day = 2"})), run([{"id": 3, "day": 2}]))
SCD = {"write_disposition": {"disposition": "merge", "strategy": "scd2"}}


def scd2(**options):
    return {"write_disposition": {"disposition": "merge", "strategy": "scd2", **options}}


case("e_scd2_children", "scd2 with children: changes inside a list make a version", run([tree(1, "a", 1, 2), tree(2, "b", 3)], hints=SCD), run([tree(1, "a", 1, 3), tree(2, "b", 3)]), run([tree(1, "a", 1, 2)]))
case("e_scd2_return", "a version that comes back", run([{"k": 1, "v": "x"}], hints=SCD), run([{"k": 1, "v": "y"}]), run([{"k": 1, "v": "x"}]), run([]))
case("e_scd2_names", "names of the validity columns", run([{"k": 1}], hints=scd2(validity_column_names=["valid from", "ValidTo"])), run([{"k": 2}]))
case("e_scd2_active", "an active record timestamp", run([{"k": 1, "v": 1}], hints=scd2(active_record_timestamp="9999-12-31")), run([{"k": 1, "v": 2}]))
case("e_scd2_boundary", "a boundary timestamp per run", run([{"k": 1, "v": 1}], hints=scd2(boundary_timestamp="2024-01-01")), run([{"k": 1, "v": 2}], hints=scd2(boundary_timestamp="2024-02-01T12:00:00+02:00")), run([{"k": 1, "v": 1}], hints=scd2(boundary_timestamp="2024-03-01T00:00:00.123456Z")))
case("e_scd2_merge_key", "merge key: absent rows of other keys stay", run([{"k": 1, "v": 1}, {"k": 2, "v": 1}], hints={**SCD, "merge_key": "k"}), run([{"k": 1, "v": 2}]))
case("e_scd2_merge_keys", "composite merge key", run([{"a": 1, "b": "x", "v": 1}, {"a": 1, "b": "y", "v": 1}, {"a": 2, "b": "x", "v": 1}], hints={**SCD, "merge_key": ["a", "b"]}), run([{"a": 1, "b": "x", "v": 2}]))
case("e_scd2_version_column", "an own version column", run([{"k": 1, "v": 1, "ver": "a"}, {"k": 2, "v": 1, "ver": "b"}], hints=scd2(row_version_column_name="ver")), run([{"k": 1, "v": 2, "ver": "a"}, {"k": 2, "v": 2, "ver": "c"}]))
case("e_scd2_duplicates", "identical rows in one load", run([{"k": 1}, {"k": 1}], hints=SCD), run([{"k": 1}]))
case("e_scd2_null_key", "a new key with null changes the version", run([{"k": 1}], hints=SCD), run([{"k": 1, "n": None}]), run([{"k": 1, "n": 1}]))
case("e_scd2_primary_key", "scd2 with a primary key", run([{"k": 1, "v": 1}], hints={**SCD, "primary_key": "k"}), run([{"k": 1, "v": 2}, {"k": 2, "v": 1}]))
case("e_scd2_empty", "scd2 with an empty load", run([{"k": 1}], hints=SCD), run([]))
case("e_scd2_deep", "scd2 with two levels, a child unchanged", run([{"k": 1, "l": [{"m": [1, 2]}]}, {"k": 2, "l": []}], hints=SCD), run([{"k": 1, "l": [{"m": [1, 2]}]}, {"k": 2, "l": [{"m": [3]}]}]))
for how in ("truncate-and-insert", "insert-from-staging", "staging-optimized"):
    case(f"e_replace_{how.replace('-', '_')}", f"replace with {how}, children, an empty run", run([tree(1, "a", 1, 2)], hints={"write_disposition": "replace"}, destination_args={"replace_strategy": how}), run([{"id": 2, "new": 1}]), run([]))
case("e_replace_two", "replace beside append", run(resources=[{"name": "a", "endpoint": "items", "write_disposition": "replace"}, {"name": "b", "endpoint": "items"}], rows=[{"id": 1, "l": [1]}]), run([{"id": 2}]))
case("e_replace_incremental", "replace resets the cursor of its resource", run([{"id": 1, "u": 1}], hints={"write_disposition": "replace"}, endpoint={"incremental": {"cursor_path": "u"}}), run([{"id": 1, "u": 1}, {"id": 2, "u": 2}]))
TWO = [{"name": "a", "endpoint": {"path": "items", "incremental": {"cursor_path": "id"}}}, {"name": "b", "endpoint": {"path": "items"}}]
for mode in ("drop_sources", "drop_resources", "drop_data"):
    case(f"e_refresh_{mode}", f"refresh {mode}", run([tree(1, "a", 1)], resources=TWO), run([{"id": 1, "n": 1}], resources=TWO[:1], run_args={"refresh": mode}), run([{"id": 2}], resources=TWO))
    case(f"e_refresh_{mode}_first", f"refresh {mode} on the first run", run([{"id": 1}], resources=TWO, run_args={"refresh": mode}))
    case(f"e_refresh_{mode}_merge", f"refresh {mode} of a merge resource", run([tree(1, "a", 1), tree(2, "b")], hints=merge()), run([tree(1, "z", 3)], run_args={"refresh": mode}), run([tree(5, "z", 3)]))
    case(f"e_refresh_{mode}_fresh", f"refresh {mode} with an empty folder", run([tree(1, "a", 1)], resources=TWO), run([tree(1, "b", 2)], resources=TWO, run_args={"refresh": mode}, fresh_workdir=True))
case("e_merge_empty", "merge runs without rows", run([], hints=merge()), run([tree(1, "a", 1)]), run([]))
case("e_merge_text_numbers", "keys that are numbers in one run and text in the next", run([{"id": 1, "v": 1}], hints=merge()), run([{"id": "1", "v": 2}]))
case("e_merge_nested_key", "merge by a key in a nested object", run([{"o": {"id": 1}, "v": 1}], hints=merge(key="o__id")), run([{"o": {"id": 1}, "v": 2}]))
case("e_upsert_duplicate_match", "duplicates that match an existing row fail the MERGE", run([{"id": 1, "v": 1}], hints=merge("upsert")), run([{"id": 1, "v": 2}, {"id": 1, "v": 2}]))
case("e_merge_big", "merge of many rows", run([{"id": i, "v": i, "l": [i]} for i in range(200)], hints=merge()), run([{"id": i, "v": -i, "l": [i, i]} for i in range(100, 300)]))
