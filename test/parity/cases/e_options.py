"""Section e: options of strategies, replace and refresh."""
from build import case, run

def merge(strategy=None, key="id", **more):
    hints = {"write_disposition": {"disposition": "merge", **({"strategy": strategy} if strategy else {}), **more.pop("options", {})}, **more}
    if key: hints["primary_key"] = key
    return hints
def tree(i, v, *qs, **more):
    return {"id": i, "v": v, "l": [{"q": q, "m": [q, {"d": q}]} for q in qs], **more}
SCD = {"write_disposition": {"disposition": "merge", "strategy": "scd2"}}
def scd2(**o): return {"write_disposition": {"disposition": "merge", "strategy": "scd2", **o}}
def inc(path="u", **more): return {"incremental": {"cursor_path": path, **more}}
def rows(*values, **more): return [{"id": i, "u": v, **more} for i, v in enumerate(values)]
case("e_skip", "write_disposition skip", run([{"id": 1, "l": [1]}], hints={"write_disposition": "skip"}), run([{"id": 2}]))
case("e_skip_late", "write_disposition skip after append", run([{"id": 1, "l": [1]}], hints={"write_disposition": "append"}), run([{"id": 2, "n": 1}], hints={"write_disposition": "skip"}), run([{"id": 3}], hints={"write_disposition": "append"}))
case("e_skip_and_others", "skip beside append", run(resources=[{"name": "a", "endpoint": "items", "write_disposition": "skip"}, {"name": "b", "endpoint": "items"}], rows=[{"id": 1}]))
case("e_disposition_dict", "dispositions as objects", run([{"id": 1}], hints={"write_disposition": {"disposition": "replace"}}), run([{"id": 2}], hints={"write_disposition": {"disposition": "append"}}))
case("e_replace_strategy_hint", "a replace strategy in the disposition", run([{"id": 1}], hints={"write_disposition": {"disposition": "replace", "strategy": "insert-from-staging"}}), run([{"id": 2}]))
case("e_deduplicated", "deduplicated: no dedup at all", run([{"id": 1, "v": 1}, {"id": 1, "v": 2}], hints=merge(options={"deduplicated": True})), run([{"id": 1, "v": 3}, {"id": 2, "v": 3}]))
case("e_deduplicated_children", "deduplicated with children", run([tree(1, "a", 1), tree(1, "b", 2)], hints=merge(options={"deduplicated": True})), run([tree(1, "c", 3)]))
case("e_bad_strategy", "an unknown strategy", run([{"id": 1}], hints=merge("nope")))
case("e_bad_disposition", "an unknown disposition", run([{"id": 1}], hints={"write_disposition": "truncate"}))
case("e_merge_no_key_children", "merge without keys, with children", run([tree(1, "a", 1)], hints=merge(key=None)), run([tree(1, "b", 2)]))
case("e_source_filter_children", "source_filter with children", run([tree(1, "a", 1, n=1), tree(2, "b", 2, n=9)], hints=merge("upsert", options={"source_filter": "n < 5"})), run([tree(1, "a", 5, n=7), tree(2, "b", 6, n=2), tree(3, "c", 8, n=9)]))
case("e_source_filter_di_children", "source_filter with delete-insert and children", run([tree(1, "a", 1, n=1), tree(2, "b", 2, n=9)], hints=merge("delete-insert", options={"source_filter": "n < 5"})), run([tree(1, "a", 5, n=7), tree(2, "b", 6, n=2)]))
case("e_source_filter_bad", "source_filter that is no SQL fails the load", run([{"id": 1}], hints=merge("upsert", options={"source_filter": "no_such_column < 5"})))
case("e_source_filter_scd2", "source_filter with scd2", run([{"id": 1, "n": 1}, {"id": 2, "n": 9}], hints=scd2(source_filter="n < 5")), run([{"id": 1, "n": 2}]))
case("e_source_filter_insert_only", "source_filter with insert-only and cdc", run([{"id": 1, "n": 1}, {"id": 2, "n": 9}], hints=merge("insert-only", options={"source_filter": "n < 5"})), run([{"id": 3, "n": 9}, {"id": 4, "n": 2}]))
case("e_cdc_source_filter", "source_filter with cdc", run([{"id": 1, "n": 1}, {"id": 2, "n": 2}], hints=merge("cdc", options={"source_filter": "n < 5"})), run([{"id": 2, "n": 9}, {"id": 3, "n": 3}]))
case("e_scope_children", "destination_scope with children", run([tree(1, "a", 1, day=1), tree(2, "b", 2, day=2)], hints=merge("delete-insert", options={"destination_scope": "day = 2"})), run([tree(3, "c", 3, day=2)]))
case("e_scope_no_key", "destination_scope without any key", run([{"id": 1, "day": 1}, {"id": 2, "day": 2}], hints=merge("delete-insert", key=None, options={"destination_scope": "day = 2"})), run([{"id": 3, "day": 2}, {"id": 3, "day": 2}]))
case("e_scope_upsert", "destination_scope with upsert", run([{"id": 1, "day": 1}, {"id": 2, "day": 2}], hints=merge("upsert", options={"destination_scope": "day = 2"})), run([{"id": 3, "day": 2}]))
case("e_cdc_scope_children", "cdc within a scope, children", run([tree(1, "a", 1, day=1), tree(2, "b", 2, day=2), tree(3, "c", 3, day=2)], hints=merge("cdc", options={"destination_scope": "day = 2"})), run([tree(3, "c2", 4, day=2)]))
case("e_cdc_merge_key_children", "cdc within merge keys, children", run([tree(1, "a", 1, day=1), tree(2, "b", 2, day=2), tree(3, "c", 3, day=2)], hints=merge("cdc", merge_key="day")), run([tree(3, "c2", 4, day=2), tree(4, "d", 5, day=3)]))
case("e_cdc_empty", "cdc with an empty load", run([tree(1, "a", 1)], hints=merge("cdc")), run([]))
case("e_cdc_flagged", "cdc rows that arrive flagged, with children", run([tree(1, "a", 1, x=False)], hints=merge("cdc", columns={"x": {"hard_delete": True, "data_type": "bool"}})), run([tree(1, "a", 2, x=True), tree(2, "b", 1, x=True), tree(3, "c", 1, x=None)]))
case("e_cdc_skip_unchanged", "cdc with skip_unchanged_rows", run([tree(1, "a", 1), tree(2, "b", 2)], hints=merge("cdc", options={"skip_unchanged_rows": True})), run([tree(1, "a", 1), tree(3, "c", 2)]))
case("e_cdc_version", "cdc with a version column", run([{"id": 1, "v": 1, "ver": 1}, {"id": 2, "v": 1, "ver": 1}], hints=merge("cdc", options={"skip_unchanged_rows": True, "row_version_column_name": "ver"})), run([{"id": 1, "v": 2, "ver": 1}, {"id": 2, "v": 2, "ver": 2}]))
case("e_upsert_insert_children", "insert-only: list positions of an existing root", run([tree(1, "a", 1)], hints=merge("insert-only")), run([tree(1, "b", 5, 6, 7)]))
case("e_upsert_shrinking_lists", "upsert: lists that shrink and grow, two levels", run([{"id": 1, "l": [{"m": [1, 2, 3]}, {"m": [4]}]}], hints=merge("upsert")), run([{"id": 1, "l": [{"m": [9]}]}]), run([{"id": 1, "l": []}]), run([{"id": 1, "l": [{"m": []}, {"m": [1]}]}]))
case("e_upsert_no_children_later", "upsert: runs whose rows have no list", run([tree(1, "a", 1), tree(2, "b", 2)], hints=merge("upsert")), run([{"id": 1, "v": "a2"}]), run([{"id": 2, "v": "b2", "l": None}]))
case("e_merge_no_children_later", "delete-insert: runs whose rows have no list", run([tree(1, "a", 1), tree(2, "b", 2)], hints=merge()), run([{"id": 1, "v": "a2"}]), run([{"id": 2, "v": "b2", "l": None}]))
case("e_hard_delete_two", "two hard_delete columns", run([{"id": 1, "x": False, "y": None}, {"id": 2, "x": False, "y": None}], hints=merge(columns={"x": {"hard_delete": True, "data_type": "bool"}, "y": {"hard_delete": True, "data_type": "timestamp"}})), run([{"id": 1, "x": True, "y": None}, {"id": 2, "x": False, "y": "2024-01-01T00:00:00Z"}]))
for t, keep, gone in (("text", None, ""), ("bigint", None, 0), ("double", None, 0.0), ("date", None, "2024-01-01")):
    case(f"e_hard_delete_{t}", f"hard_delete of type {t}: not null deletes", run([{"id": 1, "x": keep}, {"id": 2, "x": keep}], hints=merge(columns={"x": {"hard_delete": True, "data_type": t}})), run([{"id": 1, "x": gone}, {"id": 3, "x": gone}]))
case("e_hard_delete_append", "hard_delete means nothing to append", run([{"id": 1, "x": True}, {"id": 2, "x": False}], hints={"columns": {"x": {"hard_delete": True, "data_type": "bool"}}}))
case("e_hard_delete_scd2", "hard_delete with scd2", run([{"id": 1, "x": False}], hints={**SCD, "columns": {"x": {"hard_delete": True, "data_type": "bool"}}}), run([{"id": 1, "x": True}]))
case("e_hard_delete_children_dedup", "hard_delete, dedup_sort and children together", run([tree(1, "a", 1, s=1, x=False), tree(2, "b", 2, s=1, x=False)], hints=merge(columns={"s": {"dedup_sort": "desc", "data_type": "bigint"}, "x": {"hard_delete": True, "data_type": "bool"}})), run([tree(1, "a", 5, s=2, x=True), tree(1, "a", 6, s=3, x=False), tree(2, "b", 7, s=9, x=True), tree(2, "b", 8, s=3, x=False)]))
case("e_dedup_text", "dedup_sort by text and by time", run([{"id": 1, "s": "b"}, {"id": 1, "s": "a"}, {"id": 1, "s": "é"}], hints=merge(columns={"s": {"dedup_sort": "asc", "data_type": "text"}})), run([{"id": 1, "s": "B"}, {"id": 1, "s": "a"}]))
case("e_dedup_untyped", "dedup_sort on a column that data types", run([{"id": 1, "s": "2024-01-01T00:00:00Z"}, {"id": 1, "s": "2024-01-02T00:00:00Z"}], hints=merge(columns={"s": {"dedup_sort": "desc"}})))
case("e_dedup_upsert", "dedup_sort means nothing to upsert", run([{"id": 1, "s": 1, "v": 1}, {"id": 1, "s": 2, "v": 1}], hints=merge("upsert", columns={"s": {"dedup_sort": "desc", "data_type": "bigint"}})))
case("e_dedup_merge_key", "dedup_sort with a merge key only", run([{"day": 1, "s": 1}, {"day": 1, "s": 2}], hints=merge(key=None, merge_key="day", columns={"s": {"dedup_sort": "desc", "data_type": "bigint"}})))
case("e_dedup_composite", "dedup_sort with a composite key and merge key", run([{"a": 1, "b": 1, "d": 1, "s": 1}, {"a": 1, "b": 1, "d": 2, "s": 2}, {"a": 1, "b": 2, "d": 1, "s": 1}], hints=merge(key=["a", "b"], merge_key="d", columns={"s": {"dedup_sort": "desc", "data_type": "bigint"}})), run([{"a": 1, "b": 1, "d": 2, "s": 5}]))
case("e_merge_null_key_values", "merge keys that are null", run([{"id": 1, "day": None}, {"id": 2, "day": 1}], hints=merge(merge_key="day", columns={"day": {"nullable": True, "data_type": "bigint"}})), run([{"id": 3, "day": None}]))
case("e_merge_float_key", "keys that are doubles and texts", run(raw='[{"id":1.5,"v":1},{"id":2.0,"v":1}]', hints=merge()), run(raw='[{"id":2,"v":2},{"id":"1.5","v":2}]'))
case("e_merge_json_key", "a key that is a json column", run([{"id": {"a": 1}, "v": 1}], hints=merge(columns={"id": {"data_type": "json"}})), run([{"id": {"a": 1}, "v": 2}]))
case("e_merge_timestamp_key", "keys that are timestamps in two spellings", run([{"id": "2024-01-01T00:00:00Z", "v": 1}], hints=merge()), run([{"id": "2024-01-01T01:00:00+01:00", "v": 2}]))
case("e_merge_key_and_key_children", "merge key and primary key with children", run([tree(1, "a", 1, day=1), tree(2, "b", 2, day=1), tree(3, "c", 3, day=2)], hints=merge(merge_key="day")), run([tree(1, "a2", 9, day=1), tree(4, "d", 8, day=2)]))
case("e_strategy_changes", "delete-insert, upsert, scd2, append in turn", run([{"id": 1, "v": 1}], hints=merge()), run([{"id": 1, "v": 2}, {"id": 2, "v": 1}], hints=merge("upsert")), run([{"id": 1, "v": 3}], hints={"write_disposition": "append"}))
case("e_scd2_to_append", "scd2, then append", run([{"k": 1, "v": 1}], hints=SCD), run([{"k": 1, "v": 2}], hints={"write_disposition": "append"}))
case("e_upsert_to_replace", "upsert, then replace, then upsert", run([tree(1, "a", 1)], hints=merge("upsert")), run([tree(2, "b", 2)], hints={"write_disposition": "replace", "primary_key": "id"}), run([tree(2, "c", 3)], hints=merge("upsert")))
case("e_scd2_active_boundary", "active timestamp, boundary and names together", run([{"k": 1, "v": 1}, {"k": 2, "v": 1}], hints=scd2(active_record_timestamp="2999-01-01T00:00:00Z", boundary_timestamp="2024-01-01T00:00:00Z", validity_column_names=["von", "bis"])), run([{"k": 1, "v": 2}, {"k": 2, "v": 1}], hints=scd2(active_record_timestamp="2999-01-01T00:00:00Z", boundary_timestamp="2024-02-01", validity_column_names=["von", "bis"])), run([{"k": 2, "v": 1}], hints=scd2(active_record_timestamp="2999-01-01T00:00:00Z", boundary_timestamp="2024-03-01", validity_column_names=["von", "bis"])))
case("e_scd2_bad_boundary", "a boundary that is no timestamp", run([{"k": 1}], hints=scd2(boundary_timestamp="soon")))
case("e_scd2_version_children", "an own version column with children", run([{"k": 1, "ver": "a", "l": [1]}], hints=scd2(row_version_column_name="ver")), run([{"k": 1, "ver": "a", "l": [1, 2]}, {"k": 2, "ver": "b", "l": [3]}]), run([{"k": 1, "ver": "c", "l": [1]}]))
case("e_scd2_version_missing", "an own version column that a row lacks", run([{"k": 1}], hints=scd2(row_version_column_name="ver")))
case("e_scd2_merge_key_version", "merge key and version column", run([{"k": 1, "ver": "a"}, {"k": 2, "ver": "b"}], hints={**scd2(row_version_column_name="ver"), "merge_key": "k"}), run([{"k": 1, "ver": "c"}]), run([{"k": 1, "ver": "a"}]))
case("e_scd2_merge_key_nulls", "merge key with nulls", run([{"k": 1, "v": 1}, {"k": None, "v": 1}], hints={**SCD, "merge_key": "k", "columns": {"k": {"nullable": True, "data_type": "bigint"}}}), run([{"k": None, "v": 2}]))
case("e_scd2_evolve", "scd2 with columns and lists that come later", run([{"k": 1}], hints=SCD), run([{"k": 1, "n": 5, "l": [1]}, {"k": 2}]), run([{"k": 1, "n": 5, "l": [1]}, {"k": 2, "o": {"p": 1}}]))
case("e_scd2_fresh", "scd2 with an empty folder", run([{"k": 1, "v": 1}], hints=SCD), run([{"k": 1, "v": 2}], fresh_workdir=True), run([{"k": 1, "v": 2}, {"k": 3, "v": 1}]))
case("e_scd2_nested_order", "the row hash does not see the order of keys", run([{"k": 1, "o": {"a": 1, "b": 2}}], hints=SCD), run([{"o": {"b": 2, "a": 1}, "k": 1}]))
case("e_scd2_root_key", "scd2 with root_key", run([{"k": 1, "l": [1]}], hints=SCD, source_args={"name": "api", "root_key": True}), run([{"k": 1, "l": [2]}]))
case("e_scd2_incremental", "scd2 with a cursor", run([{"k": 1, "u": 1}], hints={**SCD, "merge_key": "k"}, endpoint=inc()), run([{"k": 1, "u": 2}, {"k": 2, "u": 2}]))
for how in ("truncate-and-insert", "insert-from-staging"):
    n = how.replace("-", "_")
    case(f"e_replace_{n}_lists", f"replace with {how}: lists that go and come", run([tree(1, "a", 1)], hints={"write_disposition": "replace"}, destination_args={"replace_strategy": how}), run([{"id": 2}]), run([{"id": 3, "k": [1]}]), run([tree(4, "d", 5)]))
    case(f"e_replace_{n}_append", f"{how}: append, replace, append", run([tree(1, "a", 1)], destination_args={"replace_strategy": how}), run([tree(2, "b", 2)], hints={"write_disposition": "replace"}), run([tree(3, "c", 3)], hints={"write_disposition": "append"}))
    case(f"e_replace_{n}_keys", f"{how} with a primary key and duplicates", run([{"id": 1}, {"id": 1}], hints={"write_disposition": "replace", "primary_key": "id"}, destination_args={"replace_strategy": how}), run([{"id": 1}]))
    case(f"e_replace_{n}_fresh", f"{how} with an empty folder", run([tree(1, "a", 1)], hints={"write_disposition": "replace"}, destination_args={"replace_strategy": how}), run([{"id": 2, "x": 1}], fresh_workdir=True), run([], fresh_workdir=True))
case("e_replace_run_arg", "replace as run argument, dispositions of resources overridden", run(resources=[{"name": "a", "endpoint": "items", "write_disposition": "merge", "primary_key": "id"}, {"name": "b", "endpoint": "items"}], rows=[{"id": 1}], run_args={"write_disposition": "replace"}), run([{"id": 2}], run_args={"write_disposition": "append"}))
case("e_run_merge_dict", "an upsert as run argument", run([{"id": 1, "v": 1}], hints={"primary_key": "id"}, run_args={"write_disposition": {"disposition": "merge", "strategy": "upsert"}}), run([{"id": 1, "v": 2}], run_args={"write_disposition": {"disposition": "merge", "strategy": "upsert"}}))
case("e_run_scd2", "scd2 as run argument", run([{"id": 1, "v": 1}], run_args={"write_disposition": {"disposition": "merge", "strategy": "scd2"}}), run([{"id": 1, "v": 2}], run_args={"write_disposition": {"disposition": "merge", "strategy": "scd2"}}))
TWO = [{"name": "a", "endpoint": {"path": "items", "incremental": {"cursor_path": "id"}}}, {"name": "b", "endpoint": {"path": "items"}}]
for mode in ("drop_sources", "drop_resources", "drop_data"):
    case(f"e_refresh_{mode}_other", f"refresh {mode} leaves another source alone", run([tree(1, "a", 1)], resources=TWO), run([tree(1, "x", 1)], source_args={"name": "other"}), run([tree(2, "b", 2)], source_args={"name": "other"}, run_args={"refresh": mode}), run([tree(3, "b", 2)], source_args={"name": "api"}))
    case(f"e_refresh_{mode}_empty", f"refresh {mode} and no rows", run([tree(1, "a", 1)], resources=TWO), run([], run_args={"refresh": mode}), run([tree(2, "z", 1)]))
    case(f"e_refresh_{mode}_replace", f"refresh {mode} with replace", run([tree(1, "a", 1)], hints={"write_disposition": "replace"}), run([{"id": 2, "new": "x"}], run_args={"refresh": mode}), run([tree(3, "a", 1)]))
    case(f"e_refresh_{mode}_types", f"refresh {mode} and other types", run([{"id": 1, "v": 1}], resources=TWO[:1]), run([{"id": 1, "v": "text"}], run_args={"refresh": mode}), run([{"id": 2, "v": 5}]))
