"""Section d: system tables, schema and state documents, restore and sync, pending packages."""
from build import case, route, run

INC = {"incremental": {"cursor_path": "u"}}
case("d_idle", "a second run without changes: no state row", run([{"id": 1}]), run([{"id": 2}]), run([]))
case("d_idle_incremental", "an idle incremental run writes nothing", run([{"id": 1, "u": 1}], endpoint=INC), run([{"id": 1, "u": 1}]), run([]), run([{"id": 2, "u": 2}]))
case("d_fresh", "state and schema come from the destination", run([{"id": 1, "u": 1, "l": [1]}], endpoint=INC), run([{"id": 2, "u": 2, "n": 1}], fresh_workdir=True), run([{"id": 3, "u": 1}], fresh_workdir=True))
case("d_versions", "a schema version per change", run([{"a": 1}]), run([{"a": 1, "b": 2}]), run([{"a": 1}]), run([{"l": [1]}], fresh_workdir=True), run([{"l": [{"x": 1}]}]))
case("d_two_sources", "two sources in one dataset and pipeline", run([{"id": 1}]), run([{"id": 2}], source_args={"name": "other"}), run([{"id": 3}], source_args={"name": "api"}), run([{"id": 4}], source_args={"name": "other"}))
case("d_two_sources_incremental", "two sources with cursors, continued with an empty folder",
     run([{"id": 1, "u": 1}], endpoint=INC), run([{"id": 2, "u": 5}], source_args={"name": "other"}),
     run([{"id": 3, "u": 1}, {"id": 4, "u": 2}], source_args={"name": "api"}, fresh_workdir=True), run([{"id": 5, "u": 6}], source_args={"name": "other"}))
case("d_two_pipelines", "two pipelines in one dataset", run([{"id": 1, "u": 1}], endpoint=INC),
     run([{"id": 2, "u": 2}], pipeline_name="p_second", source_args={"name": "second"}), run([{"id": 3, "u": 3}], pipeline_name="p_d_two_pipelines", source_args={"name": "api"}))
case("d_two_pipelines_one_schema", "two pipelines with one schema name", run([{"id": 1}]), run([{"id": 2, "x": 1}], pipeline_name="p_second"), run([{"id": 3, "y": 1}], pipeline_name="p_d_two_pipelines_one_schema", fresh_workdir=True))
case("d_new_dataset", "the same pipeline into another dataset", run([{"id": 1, "u": 1}], endpoint=INC), run([{"id": 2, "u": 2}], dataset_name="ds_elsewhere"))
case("d_pending_contract", "a failed package stays pending: the next run fails again, then drops it",
     run([{"id": 1}], hints={"schema_contract": {"columns": "freeze"}}), run([{"id": 2, "x": 1}]), run([{"id": 3}]), run([{"id": 4}], drop_pending=True))
case("d_pending_cursor", "the cursor does not move with a failed package", run([{"id": 1, "u": 1}], endpoint=INC, hints={"schema_contract": "freeze"}),
     run([{"id": 2, "u": 5, "x": 1}]), run([{"id": 3, "u": 2}], drop_pending=True))
case("d_pending_load", "a package that the load refused stays; fresh folder starts over", run(raw='[{"v":1}]'), run(raw='[{"v":9223372036854775808}]'), run(raw='[{"v":2}]'), run(raw='[{"v":3}]', fresh_workdir=True))
case("d_pending_without_dataset", "with no dataset yet a failed package is forgotten", run([{"id": None}], hints={"primary_key": "id", "write_disposition": "merge"}), run([{"id": 2}]))
case("d_extract_fails", "a failed extract leaves nothing", run(routes=[route(status=404, json={})]), run([{"id": 1}]))
case("d_extract_fails_half", "one of two resources fails", run(resources=[{"name": "a", "endpoint": "a"}, {"name": "b", "endpoint": "b"}], routes=[route("/a", [{"id": 1}])]), run(routes=[route("/a", [{"id": 1}]), route("/b", [{"id": 2}])]))
case("d_create_indexes", "create_indexes on DuckDB", run([{"id": 1, "u": 5, "l": [1]}], hints={"primary_key": "id", "columns": {"u": {"unique": True}}}, destination_args={"create_indexes": True}))
case("d_descriptions", "descriptions and own hints in the schema", run([{"id": 1, "v": 2}], hints={"columns": {"id": {"description": "the id", "x-own": {"a": [1]}}, "v": {"x-flag": True, "unique": False, "sort": True, "partition": True, "cluster": True}}}))
case("d_references", "references in the schema", run([{"id": 1, "p": 2}], hints={"references": [{"referenced_table": "Other Table", "columns": ["p"], "referenced_columns": ["ID"]}]}))
case("d_formats", "table_format and file_format hints", run([{"id": 1}], hints={"file_format": "insert_values"}))
case("d_parquet", "loader_file_format parquet", run([{"id": 1, "t": "xy", "f": 1.5, "l": [1]}], run_args={"loader_file_format": "parquet"}))
case("d_jsonl", "loader_file_format jsonl", run([{"id": 1, "t": "x", "f": 1.5, "l": [1], "ts": "2024-01-01T00:00:00Z"}], run_args={"loader_file_format": "jsonl"}))
case("d_hints_removed", "hints that are given in one run and gone in the next", run([{"id": 1, "v": 1}], hints={"primary_key": "id", "columns": {"v": {"description": "d"}}}), run([{"id": 2, "v": 2}], hints={}))
case("d_disposition_changes", "append, replace, merge, append in turn", run([{"id": 1}]), run([{"id": 2}], hints={"write_disposition": "replace"}), run([{"id": 2, "x": 1}], hints={"write_disposition": "merge", "primary_key": "id"}), run([{"id": 2}], hints={"write_disposition": "append"}))
case("d_key_changes", "the primary key changes between runs", run([{"id": 1, "k": 1}], hints={"write_disposition": "merge", "primary_key": "id"}), run([{"id": 1, "k": 2}], hints={"write_disposition": "merge", "primary_key": "k"}))
case("d_run_args", "run arguments: disposition, key, columns, table_name", run([{"id": 1, "v": 1}, {"id": 1, "v": 1}], run_args={"write_disposition": "merge", "primary_key": "id", "columns": {"v": {"data_type": "text"}}, "table_name": "renamed"}), run([{"id": 1, "v": 3}], run_args={"write_disposition": "merge", "primary_key": "id", "table_name": "renamed"}))
case("d_run_columns_list", "run argument columns as a list", run([{"id": 1}], run_args={"columns": [{"name": "Extra Col", "data_type": "double"}], "write_disposition": "replace"}))
case("d_apply_hints", "apply_hints over a resource", run([{"id": 1, "v": 1}, {"id": 1, "v": 1}], apply_hints={"items": {"primary_key": "id", "write_disposition": "merge", "columns": {"v": {"data_type": "text"}}, "table_name": "hinted"}}), run([{"id": 1, "v": 2}]))
case("d_apply_hints_incremental", "apply_hints with scd2", run([{"id": 1}], apply_hints={"items": {"write_disposition": {"disposition": "merge", "strategy": "scd2"}, "merge_key": "id"}}))
case("d_apply_hints_contract", "apply_hints with a contract", run([{"id": 1}], apply_hints={"items": {"schema_contract": "freeze"}}), run([{"id": 1, "x": 1}], apply_hints={"items": {"schema_contract": {"columns": "discard_value"}}}))
case("d_apply_hints_extra", "apply_hints with additional table hints", run([{"id": 1}], apply_hints={"items": {"additional_table_hints": {"x-mine": 1, "description": "table of items"}}}))
case("d_column_order", "a column added by hint after the table exists", run([{"id": 1}]), run([{"id": 2}], hints={"columns": {"later": {"data_type": "date"}}}), run([{"later": "2024-01-01"}]))
case("d_table_disappears", "a resource that is gone stays in the schema", run(resources=["a", "b"], routes=[route("/a", [{"id": 1}]), route("/b", [{"id": 2}])]), run(resources=["a"], routes=[route("/a", [{"id": 3}])]))
