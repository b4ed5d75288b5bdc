"""Section f: incremental loading in every option."""
from build import case, route, run


def inc(path="u", **more):
    return {"incremental": {"cursor_path": path, **more}}


def rows(*values, **more):
    return [{"id": i, "u": v, **more} for i, v in enumerate(values)]


A, B = rows(10, 20, 20), [{"id": 1, "u": 20}, {"id": 2, "u": 20}, {"id": 7, "u": 20}, {"id": 8, "u": 15}, {"id": 9, "u": 30}]
case("f_max", "max: boundary rows are told apart, older ones dropped", run(A, endpoint=inc()), run(B), run(B))
case("f_min", "min", run(rows(10, 5, 5), endpoint=inc(last_value_func="min")), run(rows(5, 7, 3)), run(rows(3, 3, 1)))
case("f_key", "dedup by the primary key", run(A, endpoint=inc(), hints={"primary_key": "id"}), run([{"id": 1, "u": 20, "changed": 1}, {"id": 5, "u": 20}]))
case("f_key_list", "dedup by a composite key", run(A, endpoint=inc(), hints={"primary_key": ["id", "u"]}), run(B))
case("f_key_own", "a dedup key of the incremental's own", run(A, endpoint=inc(primary_key="id")), run(B))
case("f_key_own_list", "a dedup key as a list of one", run(A, endpoint=inc(primary_key=["id"])), run(B))
case("f_key_empty", "no dedup with an empty key", run(A, endpoint=inc(primary_key=[])), run(B))
for start in ("open", "closed"):
    for end in ("open", "closed"):
        case(f"f_range_{start}_{end}", f"range_start {start}, range_end {end}", run(rows(5, 10, 15, 20, 25), endpoint=inc(initial_value=10, range_start=start, range_end=end)), run(rows(25, 30)))
        case(f"f_end_{start}_{end}", f"end_value with range {start} to {end}: stateless", run(rows(5, 10, 15, 20, 25), endpoint=inc(initial_value=10, end_value=20, range_start=start, range_end=end)), run(rows(10, 20)))
case("f_end_min", "end_value with min", run(rows(5, 10, 15, 20, 25), endpoint=inc(initial_value=20, end_value=10, last_value_func="min")))
case("f_end_wrong", "end_value on the wrong side", run(rows(1), endpoint=inc(initial_value=20, end_value=10)))
case("f_end_alone", "end_value without initial_value", run(rows(1), endpoint=inc(end_value=10)))
for missing in ("raise", "include", "exclude"):
    case(f"f_missing_{missing}", f"no cursor value, {missing}", run([{"id": 1, "u": 1}, {"id": 2}], endpoint=inc(on_cursor_value_missing=missing)), run([{"id": 3}, {"id": 4, "u": 2}]))
    case(f"f_null_{missing}", f"a null cursor value, {missing}", run([{"id": 1, "u": 1}, {"id": 2, "u": None}], endpoint=inc(on_cursor_value_missing=missing)), run([{"id": 3, "u": None}]))
TEXT = ["2024-01-01T10:00:00Z", "2024-01-02T10:00:00Z", "2024-01-02T10:00:00+00:00", "2024-01-01"]
case("f_text", "text cursors compare as text", run(rows(*TEXT), endpoint=inc()), run(rows("2024-01-02T10:00:00Z", "2024-01-03")))
case("f_floats", "float cursors", run(raw='[{"id":1,"u":1.0},{"id":2,"u":2.5},{"id":3,"u":2}]', endpoint=inc()), run(raw='[{"id":4,"u":3.0}]'), run(raw='[{"id":4,"u":3},{"id":5,"u":3.0}]'))
case("f_big", "64-bit cursors", run(raw='[{"id":1,"u":9007199254740993}]', endpoint=inc()), run(raw='[{"id":2,"u":9007199254740992},{"id":3,"u":9007199254740994}]'))
case("f_mixed_types", "cursor types that do not compare", run([{"id": 1, "u": 1}, {"id": 2, "u": "x"}], endpoint=inc()))
case("f_mixed_between_runs", "the cursor's type changes between runs", run(rows(1), endpoint=inc()), run(rows("x")))
case("f_bool", "a bool cursor", run([{"id": 1, "u": False}, {"id": 2, "u": True}], endpoint=inc()))
case("f_initial", "initial_value counts while there is no state", run(rows(5, 15), endpoint=inc(initial_value=10)), run(rows(12, 16), endpoint=inc(initial_value=14)))
case("f_initial_text", "a text initial value", run(rows("2023-12-31", "2024-06-01"), endpoint=inc(initial_value="2024-01-01")))
case("f_path", "a JSONPath cursor", run([{"id": 1, "m": {"u": 5}}, {"id": 2, "m": {"u": 7}}], endpoint=inc("m.u")), run([{"id": 3, "m": {"u": 7}}, {"id": 4, "m": {"u": 8}}]))
case("f_path_missing", "a JSONPath cursor that some rows lack", run([{"id": 1, "m": {"u": 5}}, {"id": 2, "m": {}}], endpoint=inc("m.u", on_cursor_value_missing="include")))
case("f_path_list", "a JSONPath into a list", run([{"id": 1, "l": [{"u": 5}, {"u": 9}]}, {"id": 2, "l": [{"u": 7}]}], endpoint=inc("l[0].u")))
case("f_path_quoted", "a cursor with odd characters in its name", run([{"id": 1, "up at": 5}], endpoint=inc("'up at'")), run([{"id": 1, "up at": 6}]))
case("f_path_dash", "a cursor path with a dash", run([{"id": 1, "up-at": 5}], endpoint=inc("up-at")))
case("f_unordered", "rows below the running value pass in one run", run(rows(30, 10, 20, 30), endpoint=inc()), run(rows(25, 30, 40, 35)))
case("f_lag", "lag of a number", run(rows(100, 90), endpoint=inc(lag=15)), run(rows(84, 85, 86, 101)), run(rows(85, 86, 87)))
case("f_lag_min", "lag with min", run(rows(100, 90), endpoint=inc(lag=15, last_value_func="min")), run(rows(104, 105, 106, 80)))
case("f_lag_initial", "lag never goes past the initial value", run(rows(100, 110), endpoint=inc(initial_value=95, lag=50)), run(rows(90, 95, 96, 120)))
case("f_lag_timestamp", "lag of ISO timestamps in seconds", run(rows("2024-01-01T10:00:00Z"), endpoint=inc(lag=3600)), run(rows("2024-01-01T08:59:59Z", "2024-01-01T09:00:00Z", "2024-01-01T11:00:00Z")))
case("f_lag_date", "lag of dates in days", run(rows("2024-03-01"), endpoint=inc(lag=2)), run(rows("2024-02-27", "2024-02-28", "2024-02-29", "2024-03-02")))
case("f_lag_compact_date", "lag of compact dates", run(rows("20240301"), endpoint=inc(lag=1)), run(rows("20240228", "20240229")))
case("f_lag_float", "lag of floats", run(raw='[{"id":1,"u":10.5}]', endpoint=inc(lag=0.5)), run(raw='[{"id":2,"u":9.9},{"id":3,"u":10.0}]'))
PAGES = [route("/items", when_page, query={"page": str(n)}) for n, when_page in enumerate([rows(50, 40), rows(30, 20), rows(10)])]
PAGED = {"paginator": {"type": "page_number", "total_path": None, "maximum_page": 3}}
case("f_desc", "row_order desc stops paging below the start", run(routes=PAGES, endpoint={**PAGED, **inc(row_order="desc", initial_value=35)}), run(routes=PAGES))
case("f_asc", "row_order asc stops paging past the end", run(routes=[route("/items", r, query={"page": str(n)}) for n, r in enumerate([rows(1, 2), rows(3, 9), rows(10)])], endpoint={**PAGED, **inc(row_order="asc", initial_value=0, end_value=5)}))
case("f_asc_no_end", "row_order asc without end goes on", run(routes=[route("/items", r, query={"page": str(n)}) for n, r in enumerate([rows(1, 2), rows(3, 9), rows(10)])], endpoint={**PAGED, **inc(row_order="asc")}))
case("f_start_param", "start_param and end_param", run([{"id": 1, "u": 5}], endpoint=inc(initial_value=3, start_param="since")), run([{"id": 2, "u": 8}]), run([]))
case("f_end_param", "end_param with an end value", run(rows(5, 9), endpoint=inc(initial_value=3, end_value=10, start_param="since", end_param="until")))
case("f_start_param_lag", "start_param with lag", run(rows(50), endpoint=inc(initial_value=3, start_param="since", lag=10)), run(rows(45, 60)))
case("f_start_param_none", "no start value: the parameter is left out", run(rows(5), endpoint=inc(start_param="since")), run(rows(6)))
case("f_start_param_text", "a text start value", run(rows("2024-01-01T00:00:00Z"), endpoint=inc(start_param="since", initial_value="2023-01-01T00:00:00Z")), run(rows("2024-02-01T00:00:00Z")))
case("f_param_old", "the older form in params", run(rows(5), endpoint={"params": {"since": {"type": "incremental", "cursor_path": "u", "initial_value": 2}, "k": "v"}}), run(rows(7)))
case("f_placeholders", "incremental placeholders in params, headers and json",
     run(rows(5), endpoint={"method": "POST", "params": {"a": "{incremental.start_value}", "b": "{incremental.initial_value}"}, "headers": {"X-Since": "{incremental.last_value}"}, "json": {"since": "{incremental.start_value}", "t": "from {incremental.start_value}"}, **inc(initial_value=2)}), run(rows(7)))
case("f_placeholder_path", "an incremental placeholder in the path", run(routes=[route("/items/2", rows(5)), route("/items/5", rows(7))], endpoint={"path": "items/{incremental.start_value}", **inc(initial_value=2)}), run(routes=[route("/items/5", rows(7))]))
case("f_placeholder_end", "end_value placeholder", run(rows(5), endpoint={"params": {"u": "{incremental.end_value}"}, **inc(initial_value=2, end_value=9)}))
case("f_merge", "incremental with merge, fresh folder in between", run(A, endpoint=inc(), hints={"primary_key": "id", "write_disposition": "merge"}), run(B, fresh_workdir=True), run(B))
case("f_two", "two resources with cursors", run(resources=[{"name": "a", "endpoint": {"path": "items", **inc()}}, {"name": "b", "endpoint": {"path": "items", **inc("id")}}], rows=A), run(B))
case("f_cursor_changes", "another cursor path in the next run", run([{"id": 1, "u": 5, "w": 1}], endpoint=inc()), run([{"id": 2, "u": 1, "w": 2}], endpoint=inc("w")))
case("f_refresh", "refresh starts the cursor over", run(A, endpoint=inc()), run(rows(1, 2), run_args={"refresh": "drop_data"}), run(rows(2, 3)))
case("f_unicode_hash", "hashes of rows with floats, unicode and nested values", run(raw='[{"u":1,"f":1.0,"t":"é😀","o":{"b":[1,2.50],"a":null}}]', endpoint=inc()), run(raw='[{"t":"é😀","f":1.0,"o":{"a":null,"b":[1,2.5]},"u":1},{"u":1,"f":1}]'))
case("f_child_incremental", "a cursor on a dependent resource", run(resources=[{"name": "p", "endpoint": "p"}, {"name": "c", "endpoint": {"path": "p/{resources.p.id}/c", **inc()}}], routes=[route("/p", [{"id": 1}, {"id": 2}]), route("/p/1/c", [{"k": 1, "u": 1}]), route("/p/2/c", [{"k": 2, "u": 5}])]),
     run(routes=[route("/p", [{"id": 1}, {"id": 2}]), route("/p/1/c", [{"k": 3, "u": 4}]), route("/p/2/c", [{"k": 2, "u": 5}, {"k": 4, "u": 6}])]))
case("f_parent_incremental", "children of the parent rows that passed", run(resources=[{"name": "p", "endpoint": {"path": "p", **inc()}}, {"name": "c", "endpoint": {"path": "p/{resources.p.id}/c"}}], routes=[route("/p", [{"id": 1, "u": 1}]), route("/p/1/c", [{"k": 1}])]),
     run(routes=[route("/p", [{"id": 1, "u": 1}, {"id": 2, "u": 2}]), route("/p/1/c", [{"k": 1}]), route("/p/2/c", [{"k": 2}])]))
