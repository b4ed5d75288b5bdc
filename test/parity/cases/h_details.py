"""Section h: contracts in detail."""
from build import case, route, run

MERGE = {"primary_key": "id", "write_disposition": "merge"}
def inc(path="u", **more): return {"incremental": {"cursor_path": path, **more}}
def rows(*values, **more): return [{"id": i, "u": v, **more} for i, v in enumerate(values)]
P = {"paginator": {"type": "page_number", "total_path": None, "maximum_page": 4}}
BASE = [{"id": 1, "a": 1, "l": [{"q": 1}]}]
for mode in ("freeze", "discard_row", "discard_value"):
    case(f"h_lists_{mode}", f"tables: {mode}: new lists in old lists", run(BASE, hints={"schema_contract": {"tables": mode}}), run([{"id": 2, "l": [{"q": 1, "m": [1]}], "z": {"k": [1]}}, {"id": 3, "l": []}]))
    case(f"h_values_in_list_{mode}", f"{mode}: scalars in a list of objects", run(BASE, hints={"schema_contract": {"columns": mode}}), run([{"id": 2, "l": [5, {"q": 2}]}]))
    case(f"h_all_three_{mode}", f"all entities {mode}: merge with children", run(BASE, hints={**MERGE, "schema_contract": {"columns": mode, "data_type": mode}}), run([{"id": 1, "a": "x", "l": [{"q": "y", "w": 1}, {"q": 3}]}, {"id": 2, "a": 5}]))
    case(f"h_incremental_{mode}", f"{mode} with a cursor", run([{"id": 1, "u": 1}], endpoint=inc(), hints={"schema_contract": {"columns": mode}}), run([{"id": 2, "u": 3, "x": 1}]), run([{"id": 3, "u": 2}, {"id": 4, "u": 4}], drop_pending=True))
    case(f"h_scd2_{mode}", f"{mode} with scd2", run([{"k": 1}], hints={"write_disposition": {"disposition": "merge", "strategy": "scd2"}, "schema_contract": {"columns": mode}}), run([{"k": 1, "x": 1}, {"k": 2}]))
    case(f"h_nested_objects_{mode}", f"{mode}: new keys in nested objects", run([{"id": 1, "o": {"p": 1}}], hints={"schema_contract": {"columns": mode}}), run([{"id": 2, "o": {"p": 2, "q": {"r": 1}}}, {"id": 3, "o": {"p": 3}}]))
    case(f"h_json_{mode}", f"{mode}: types of json columns", run([{"id": 1, "j": {"a": 1}}], hints={"max_table_nesting": 0, "schema_contract": {"data_type": mode}}), run([{"id": 2, "j": [1]}, {"id": 3, "j": 5}, {"id": 4, "j": "text"}]))
    case(f"h_hint_columns_{mode}", f"{mode}: columns that only hints know", run([{"id": 1}], hints={"columns": {"later": {"data_type": "text"}, "never": {"description": "untyped"}}, "schema_contract": {"columns": mode}}), run([{"id": 2, "later": "x", "never": 5}]))
    case(f"h_new_resource_columns_{mode}", f"{mode}: a new resource may create its columns once", run(resources=["a"], routes=[route("/a", [{"id": 1}])], source_args={"name": "api", "schema_contract": {"columns": mode}}), run(resources=["a", "b"], routes=[route("/a", [{"id": 2}]), route("/b", [{"x": 1}, {"x": 2, "y": 1}])]), run(routes=[route("/a", [{"id": 3}]), route("/b", [{"x": 1, "z": 1}])]))
    case(f"h_partial_source_{mode}", f"a partial contract at source and resource", run(BASE, hints={"schema_contract": {"tables": "evolve"}}, source_args={"name": "api", "schema_contract": {"columns": mode}}), run([{"id": 2, "n": 1}]))
    case(f"h_removed_{mode}", f"{mode} at the source, then not said any more", run(BASE, source_args={"name": "api", "schema_contract": mode if mode != "freeze" else {"columns": "freeze"}}), run([{"id": 2, "n": 1}], source_args={"name": "api"}, drop_pending=True))
    case(f"h_resource_removed_{mode}", f"{mode} at the resource, then not said any more", run(BASE, hints={"schema_contract": {"columns": mode}}), run([{"id": 2, "n": 1}], hints={}, drop_pending=True), run([{"id": 3, "m": 1}], drop_pending=True))
    case(f"h_null_columns_{mode}", f"{mode}: nulls where types differ", run([{"id": 1, "v": 1}], hints={"schema_contract": {"columns": mode, "data_type": mode}}), run([{"id": 2, "v": None, "w": None}, {"id": 3, "v": "8"}, {"id": 4, "v": 8.0}]))
case("h_bad_mode", "a contract mode that does not exist", run(BASE, hints={"schema_contract": "forbid"}))
case("h_bad_entity", "a contract entity that does not exist", run(BASE, hints={"schema_contract": {"rows": "freeze"}}))
case("h_references", "several references", run([{"id": 1, "p": 2, "q": 3}], hints={"references": [{"referenced_table": "A b", "columns": ["P"], "referenced_columns": ["Id"], "label": "is of", "cardinality": "many_to_one"}, {"referenced_table": "A b", "columns": ["q"], "referenced_columns": ["Id"]}, {"referenced_table": "other", "columns": ["q", "p"], "referenced_columns": ["x", "y"]}]}), run([{"id": 2, "p": 1}], hints={"references": [{"referenced_table": "other", "columns": ["q"], "referenced_columns": ["z"]}]}))
case("h_table_formats", "table_format hints that DuckDB does not know", run([{"id": 1}], hints={"table_format": "iceberg"}))
case("h_column_list", "column hints as a list", run([{"id": 1, "User Name": "x"}], hints={"columns": [{"name": "User Name", "data_type": "text", "description": "who"}, {"name": "extra", "data_type": "date", "nullable": True}]}))
case("h_column_twice", "two hints for one name", run([{"id": 1, "a_b": 1}], hints={"columns": {"a b": {"data_type": "text"}, "a_b": {"description": "two"}}}))
