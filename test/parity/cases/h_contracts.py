"""Section h: schema contracts."""
from build import case, route, run

BASE = [{"id": 1, "a": 1, "l": [{"q": 1}]}]
MODES = ("freeze", "discard_row", "discard_value", "evolve")
for mode in MODES:
    for entity in ("tables", "columns", "data_type"):
        contract = {"schema_contract": {entity: mode}}
        case(f"h_{entity}_{mode}", f"{entity}: {mode} against new tables, columns, types, in root and child",
             run(BASE, hints=contract), run([{"id": 2, "a": 2, "l": [{"q": 2}]}, {"id": 3, "a": 3, "b": "new"}, {"id": 4, "a": 4}]),
             run([{"id": 5, "a": "text"}, {"id": 6, "a": 6}], drop_pending=True), run([{"id": 7, "n": [1]}, {"id": 8, "l": [{"q": "x"}, {"q": 5, "r": 1}]}], drop_pending=True))
    case(f"h_all_{mode}", f"{mode} as text, for all entities", run(BASE, hints={"schema_contract": mode}), run([{"id": 2, "b": 1}]), run([{"id": 3, "a": "x", "l": [1]}], drop_pending=True))
    case(f"h_source_{mode}", f"{mode} at the source", run(BASE, source_args={"name": "api", "schema_contract": mode}), run([{"id": 2, "b": 1}]))
    case(f"h_run_{mode}", f"{mode} as run argument, kept for later runs", run(BASE, run_args={"schema_contract": mode}), run([{"id": 2, "b": 1}]), run([{"id": 3, "c": 1}], run_args={"schema_contract": "evolve"}, drop_pending=True))
    case(f"h_first_run_{mode}", f"columns: {mode} from the first run: a new table may create its columns", run([{"id": 1}, {"id": 2, "b": 1}], hints={"schema_contract": {"columns": mode, "data_type": mode}}), run([{"id": 3, "c": 1}]))
    case(f"h_new_table_{mode}", f"tables: {mode}: a new resource", run(resources=["a"], routes=[route("/a", [{"id": 1}])], source_args={"name": "api", "schema_contract": {"tables": mode}}), run(resources=["a", "b"], routes=[route("/a", [{"id": 2}]), route("/b", [{"id": 3}])]))
    case(f"h_first_tables_{mode}", f"tables: {mode} on the first run", run(BASE, hints={"schema_contract": {"tables": mode}}))
case("h_precedence", "a resource's contract replaces the source's as a whole", run(BASE, hints={"schema_contract": {"columns": "evolve"}}, source_args={"name": "api", "schema_contract": "freeze"}), run([{"id": 2, "b": 1, "a": "x"}]))
case("h_run_overrides", "the run's contract overrides source and resource", run(BASE, hints={"schema_contract": "evolve"}, source_args={"name": "api", "schema_contract": "discard_row"}, run_args={"schema_contract": {"columns": "discard_value"}}), run([{"id": 2, "b": 1, "a": "x"}]), run([{"id": 3, "c": 1}]))
case("h_child_row", "discard_row in a child drops this child row only", run(BASE, hints={"schema_contract": {"columns": "discard_row"}}), run([{"id": 2, "a": 1, "l": [{"q": 1}, {"q": 2, "z": 1}, {"q": 3}]}]))
case("h_child_of_dropped", "children of a dropped row are dropped", run(BASE, hints={"schema_contract": {"columns": "discard_row"}}), run([{"id": 2, "z": 1, "l": [{"q": 1}]}, {"id": 3, "l": [{"q": 5}]}]))
case("h_variants_discard", "discard_value of types: the value becomes null", run([{"id": 1, "v": 1}], hints={"schema_contract": {"data_type": "discard_value"}}), run([{"id": 2, "v": "x"}, {"id": 3, "v": 5}, {"id": 4, "v": 2.5}]))
case("h_existing_variant", "a variant that exists already passes", run([{"id": 1, "v": 1}, {"id": 2, "v": "x"}]), run([{"id": 3, "v": "y"}, {"id": 4, "v": True}], hints={"schema_contract": {"data_type": "freeze"}}))
case("h_hint_under_freeze", "a new hint under a frozen schema", run([{"id": 1}], hints={"schema_contract": {"columns": "freeze", "data_type": "freeze"}}), run([{"id": 2}], hints={"schema_contract": {"columns": "freeze", "data_type": "freeze"}, "columns": {"x": {"data_type": "text"}}}))
case("h_type_hint_under_freeze", "a type hint that changes a frozen column", run([{"id": 1}], hints={"schema_contract": {"data_type": "freeze"}}), run([{"id": 2}], hints={"schema_contract": {"data_type": "freeze"}, "columns": {"id": {"data_type": "text"}}}))
case("h_nullable_under_freeze", "a changed nullability under freeze", run([{"id": 1}], hints={"schema_contract": {"data_type": "freeze"}}), run([{"id": 2}], hints={"schema_contract": {"data_type": "freeze"}, "primary_key": "id"}))
case("h_null_new_column", "a null in an unknown column is no violation", run(BASE, hints={"schema_contract": "freeze"}), run([{"id": 2, "zzz": None, "e": [], "o": {}}]))
case("h_merge_discard", "a contract with merge", run(BASE, hints={"primary_key": "id", "write_disposition": "merge", "schema_contract": {"columns": "discard_value"}}), run([{"id": 1, "a": 5, "b": 1, "l": [{"q": 7, "w": 1}]}]))
case("h_nested_hint_contract", "a contract in nested_hints", run(BASE, hints={"nested_hints": {"l": {"schema_contract": {"columns": "discard_value"}}}}), run([{"id": 2, "new": 1, "l": [{"q": 1, "r": 2}]}]))
case("h_fresh", "contracts come back from the stored schema", run(BASE, run_args={"schema_contract": {"columns": "discard_value"}}), run([{"id": 2, "b": 1}], fresh_workdir=True))
