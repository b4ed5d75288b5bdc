"""A small set of cases that has every strategy, hint and type that any case has; computed, so that a new case cannot
fall out of it unseen."""
import stored_dumps

NO_HUGEINT = "Databricks has no bigint of more than 64 bits"
FOUND_LATER = f"{NO_HUGEINT}: dlt finds out in its step normalize, ours, which tells what to do, in load"
NOT_FINITE = "dlt's INSERT of a number that is not finite fails on DuckDB, a parquet file has it"
NOT_JSON = "a text whose JSON is a text is stored as that text, which DuckDB's JSON type refuses and a string column takes"
NUL = "dlt's INSERT of a text into DuckDB leaves out NUL, a parquet file has it"
ONE_ROW_TWICE = "several rows for one stored row: DuckDB's MERGE takes one of them, Delta's refuses"
#: Cases that are answered by the destination itself, and where the two differ. They are held against real dlt on the
#: same warehouse instead of its dumps of DuckDB.
DESTINATION_ANSWERS = {
    "a_no_dataset_normalization": "a dataset name that Spark's own catalog refuses",
    "c_bigint_precision_256": NO_HUGEINT,
    "c_bigint_precisions": NO_HUGEINT,
    "c_double_values": NOT_FINITE,
    "c_formats_insert": "files of INSERT statements, which Databricks does not load",
    "c_json_value_1": NOT_JSON,
    "c_json_values": NOT_JSON,
    "c_nul": NUL,
    "c_nul_cursor": NUL,
    "c_nul_merge_key": NUL,
    "c_text_inf_to_double": NOT_FINITE,
    "c_text_infinity_to_double": NOT_FINITE,
    "c_text_minus_infinity_to_double": NOT_FINITE,
    "c_text_nan_caps_to_double": NOT_FINITE,
    "c_text_nan_to_double": NOT_FINITE,
    "d_upsert_fail_pending": ONE_ROW_TWICE,
    "e_replace_staging_optimized": "a replace strategy that DuckDB refuses and Databricks has",
    "e_upsert_duplicate_match": ONE_ROW_TWICE,
}
#: Cases that are left out, and why.
CANNOT_HOLD = {
    "c_hugeint": FOUND_LATER,
    "c_precisions": FOUND_LATER,
    "d_descriptions": "a table that is partitioned and clustered: both refuse it, dlt after it made some other tables",
    "h_table_formats": "Iceberg: DuckDB makes a plain table, Databricks a managed Iceberg table, the stand-in none",
}
#: Arguments of dlt's DuckDB destination that limit names; Databricks' limit is the one that it has.
DUCKDB_ONLY = {"max_identifier_length", "max_column_identifier_length"}
LEAST = 25
#: Always chosen. Cases that only Databricks failed, once: keys of several columns beside a column that is called like an
#: alias; the text "null" in a json column (held against real dlt). And the replace strategy that DuckDB has not.
ALWAYS = {"c_json_values", "e_dedup_composite", "e_dedup_upsert", "e_replace_staging_optimized"}


def features(section, case):
    """Write dispositions, strategies, hints of columns and types, as dlt stored them."""
    found = set()
    for pipeline in case["pipelines"]:
        strategy = (pipeline.get("destination_args") or {}).get("replace_strategy")
        if strategy:
            found.add(("replace", strategy))
    for phase in stored_dumps.read(section, case["name"])["phases"]:
        schema = ((phase.get("dump") or {}).get("strict") or {}).get("last_stored_schema") or {"tables": {}}
        for table, hints in schema["tables"].items():
            if table.startswith("_dlt_"):
                continue
            nested = "parent" in hints
            how = hints.get("x-merge-strategy", "delete-insert") if hints.get("write_disposition") == "merge" else None
            found.add(("table", hints.get("write_disposition"), how, nested))
            found.update(("table hint", key) for key in hints if key.startswith("x-") and key != "x-normalizer")
            for column in hints.get("columns", {}).values():
                if column["name"].startswith("_dlt_"):
                    continue
                if "data_type" in column:
                    found.add(("type", column["data_type"], column.get("precision"), column.get("timezone")))
                found.update(("column hint", key) for key, value in column.items() if value is True)
    return found


def can_hold(case):
    limited = any(DUCKDB_ONLY & set(pipeline.get("destination_args") or {}) for pipeline in case["pipelines"])
    return case["name"] not in CANNOT_HOLD and not limited


def fails_in_load(section, case):
    """dlt's own load fails: what is left then is the business of each destination's transactions."""
    phases = stored_dumps.read(section, case["name"])["phases"]
    return any(phase["result"].get("step") == "load" for phase in phases)


def covering(cases):
    """cases: name → (section, case). Names, at least LEAST."""
    plain = {n: c for n, c in sorted(cases.items()) if can_hold(c[1]) and n not in DESTINATION_ANSWERS}
    usable = {n: c for n, c in plain.items() if not fails_in_load(*c)}
    holdable = {n: features(*c) for n, c in usable.items()}
    chosen = sorted(ALWAYS)
    missing = set().union(*holdable.values()).difference(*(features(*cases[n]) for n in chosen))
    while missing:
        best = max(sorted(holdable), key=lambda n: len(holdable[n] & missing))
        chosen.append(best)
        missing -= holdable[best]
    # then what is most about a destination: merges and their keys, system tables
    rest = [n for s in ("e", "basics", "d") for n in sorted(holdable) if cases[n][0] == s and n not in chosen]
    return chosen + rest[: max(0, LEAST - len(chosen))]
