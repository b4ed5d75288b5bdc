"""A small set of cases that has every strategy, hint and type that any case has; computed, so that a new case cannot
fall out of it unseen."""
import stored_dumps

ONE_ROW_TWICE = "several rows for one stored row: DuckDB's MERGE takes one of them, Delta's refuses"
#: Cases that Databricks cannot hold as DuckDB does, and why.
CANNOT_HOLD = {
    "d_descriptions": "a table that is partitioned and clustered: Databricks has either",
    "d_upsert_fail_pending": ONE_ROW_TWICE,
    "e_replace_staging_optimized": "a replace strategy that DuckDB refuses and Databricks has",
    "e_upsert_duplicate_match": ONE_ROW_TWICE,
}
#: Arguments of dlt's DuckDB destination that limit names; Databricks' limit is the one that it has.
DUCKDB_ONLY = {"max_identifier_length", "max_column_identifier_length"}
LEAST = 25
#: Cases that only Databricks failed, once: keys of several columns beside a column that is called like an alias.
FAILED_ONCE = {"e_dedup_composite", "e_dedup_upsert"}


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


def can_hold(section, case):
    """Databricks has no bigint of more than 64 bits (DESTINATION_UNSUPPORTED)."""
    if case["name"] in CANNOT_HOLD:
        return False
    if any(DUCKDB_ONLY & set(pipeline.get("destination_args") or {}) for pipeline in case["pipelines"]):
        return False
    return not any(kind[:2] == ("type", "bigint") and (kind[2] or 0) > 64 for kind in features(section, case))


def fails_in_load(section, case):
    """dlt's own load fails: what is left then is the business of each destination's transactions."""
    phases = stored_dumps.read(section, case["name"])["phases"]
    return any(phase["result"].get("step") == "load" for phase in phases)


def covering(cases):
    """cases: name → (section, case). Names, at least LEAST."""
    usable = {n: c for n, c in sorted(cases.items()) if can_hold(*c) and not fails_in_load(*c)}
    holdable = {n: features(*c) for n, c in usable.items()}
    chosen = sorted(FAILED_ONCE)
    missing = set().union(*holdable.values()).difference(*(holdable[n] for n in chosen))
    while missing:
        best = max(sorted(holdable), key=lambda n: len(holdable[n] & missing))
        chosen.append(best)
        missing -= holdable[best]
    # then what is most about a destination: merges and their keys, system tables
    rest = [n for s in ("e", "basics", "d") for n in sorted(holdable) if cases[n][0] == s and n not in chosen]
    return chosen + rest[: max(0, LEAST - len(chosen))]
