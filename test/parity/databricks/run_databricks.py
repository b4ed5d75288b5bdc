"""The parity cases with Databricks as the destination: the same tables, columns and rows as dlt's on DuckDB, or, where
the destination itself answers (covering.py), as real dlt's on the same warehouse.

  run_databricks.py --connection FILE.json            a covering selection (covering.py)
  run_databricks.py --connection FILE.json --all      every case that Databricks can hold
  run_databricks.py --connection FILE.json --mixed    those of several runs by turns, with real dlt on the same warehouse
"""
import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
PARITY = os.path.dirname(HERE)
sys.path[:0] = [HERE, PARITY, os.path.join(PARITY, "cases")]
import compare
import engines
import half_loads
import stored_dumps
from casekit import CaseServer, dump_dataset
from covering import DESTINATION_ANSWERS, can_hold, covering
from databricks import sql
from read_back import expected_types, name, read_back
from run_case import as_dlts_by_turns, write_phase
from run_parity import all_cases


def connect(to):
    return sql.connect(
        server_hostname=to["server_hostname"], http_path=to["http_path"], access_token=to["access_token"],
        _port=to["port"], _tls_trusted_ca_file=to["ca_file"], enable_telemetry=False,
    )


def run_case(case, expected, turns, to):
    """As the parity lane's run_case, with the rows in Databricks.
    expected: the dump that names DuckDB's types; None: types are told as they are
    turns: the engines, one run each, over and over"""
    work = tempfile.mkdtemp(prefix="parity_databricks_")
    server = CaseServer()
    result = {"name": case["name"], "phases": []}
    datasets = {pipeline["dataset_name"] for pipeline in case["pipelines"]}
    try:
        with connect(to) as connection, connection.cursor() as cursor:
            for dataset in datasets:
                for schema in (dataset, f"{dataset}_staging"):
                    cursor.execute(f"DROP SCHEMA IF EXISTS {name(to['catalog'])}.{name(schema)} CASCADE")
            pipelines, database = os.path.join(work, "pipelines"), os.path.join(work, "data.duckdb")
            answers = case["server"]["phases"]
            for i, pipeline in enumerate(case["pipelines"]):
                server.set_phase(answers[min(i, len(answers) - 1)])
                if pipeline.get("fresh_workdir"):
                    shutil.rmtree(pipelines, ignore_errors=True)
                os.makedirs(pipelines, exist_ok=True)
                place = {"databricks": to, "duckdb_path": database, "pipelines_dir": pipelines}
                phase_file = write_phase(os.path.join(work, f"phase{i}.json"), pipeline, server.base, place)
                told = {"result": turns[i % len(turns)].run(phase_file, work), "requests": sorted(server.log)}
                types = expected_types(expected["phases"][i].get("dump")) if expected else {}
                dataset = pipeline["dataset_name"]
                there = read_back(cursor, to["catalog"], dataset, database, types)
                told["dump"] = dump_dataset(database, dataset, server.base) if there else None
                result["phases"].append(told)
    finally:
        server.close()
        shutil.rmtree(work, ignore_errors=True)
    return json.loads(json.dumps(result, default=str).replace(server.base, "{{BASE}}"))


def alike(dump):
    """Without what is the destination's own business: its name in the state, and whether merges need a staging schema."""
    dump = json.loads(json.dumps(dump).replace("dlt.destinations.databricks", "dlt.destinations.duckdb"))
    for phase in dump["phases"]:
        inner = phase.get("dump")
        if inner is not None:
            inner.pop("staging_dataset_exists", None)
            # a DuckDB file without the dataset, and no schema at all
            if not inner["tables"]:
                phase["dump"] = None
    return dump


def without_failed_children(dump, expected):
    """Child rows do not say which load they came with, so after a failed load they cannot be told apart."""
    failed = False
    for phase, told in zip(dump["phases"], expected["phases"]):
        failed = failed or told["result"].get("step") == "load"
        for table in (phase.get("dump") or {"tables": {}})["tables"].values() if failed else []:
            if "_dlt_load_id" not in [column[0] for column in table["columns"]]:
                table.update(rows=None, n_rows=None)
    return dump


def can_mix(section, case):
    """Several runs, none of which fails: a pending package is in the folder of the engine that made it."""
    phases = stored_dumps.read(section, case["name"])["phases"]
    return len(phases) > 1 and case["name"] not in DESTINATION_ANSWERS and all(p["result"]["ok"] for p in phases)


OPTIONS = argparse.Namespace(strict=False, ignore_requests=False, ignore_column_order=False, limit=60)


def differences(dump, expected):
    theirs, ours = (
        without_failed_children(half_loads.without(alike(one), expected), expected) for one in (expected, dump)
    )
    return compare.compare(theirs, ours, OPTIONS)


def check_alone(section, case, engine, dlt, to):
    """Differences, and what the engine said."""
    expected = stored_dumps.read(section, case["name"])
    if case["name"] in DESTINATION_ANSWERS:
        expected = run_case(case, None, [dlt], to)
        dump = run_case(case, None, [engine], to)
    else:
        dump = run_case(case, expected, [engine], to)
    return differences(dump, expected), [phase["result"].get("stderr", "") for phase in dump["phases"]]


def check_mixed(section, case, engine, dlt, to):
    """As check_alone, for both orders; a difference counts where two dlts that take the same turns do not have it."""
    expected = stored_dumps.read(section, case["name"])
    said, errors = [], []
    for label, turns in (("dlt,ours", [dlt, engine]), ("ours,dlt", [engine, dlt])):
        dump = run_case(case, expected, turns, to)
        found = differences(dump, expected)
        if found:
            names = ["dlt" if one is dlt else "cmd" for one in turns] * len(case["pipelines"])
            found = differences(dump, as_dlts_by_turns(case, {"dlt": dlt}, names))
        said += [f"[{label}] {line}" for line in found]
        errors += [phase["result"].get("stderr", "") for phase in dump["phases"]]
    return said, errors


def is_asked(wanted, name, cases):
    """A case's whole name means that one alone."""
    if wanted in cases:
        return wanted == name
    return wanted == cases[name][0] or (len(wanted) > 1 and wanted in name)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--connection", required=True, help="JSON file: server_hostname, port, http_path, catalog, ...")
    ap.add_argument("--all", action="store_true")
    ap.add_argument("--mixed", action="store_true")
    ap.add_argument("--only", help="TEXT[,TEXT]: cases whose section or name is this, or whose name holds it")
    ap.add_argument("--jobs", type=int, default=4)
    ap.add_argument("--list", action="store_true", help="name the chosen cases and end")
    a = ap.parse_args()
    cases = all_cases()
    chosen = sorted(n for n in cases if can_hold(cases[n][1])) if a.all or a.only else covering(cases)
    if a.only:
        wanted = a.only.split(",")
        chosen = [n for n in chosen if any(is_asked(w, n, cases) for w in wanted)]
    if a.mixed:
        chosen = [n for n in chosen if can_mix(*cases[n])]
    if a.list:
        print(" ".join(chosen))
        return
    with open(a.connection) as file:
        to = json.load(file)
    engine = engines.Command(os.path.join(PARITY, "engine"))
    dlt = engines.Dlt()
    check = check_mixed if a.mixed else check_alone
    started, failed = time.time(), 0

    def one(case_name):
        try:
            return case_name, *check(*cases[case_name], engine, dlt, to)
        except Exception as error:
            return case_name, [f"harness: {error!r}"], []

    try:
        with ThreadPoolExecutor(a.jobs) as pool:
            for done, (case_name, said, errors) in enumerate(pool.map(one, chosen), 1):
                if said:
                    failed += 1
                    print(f"FAILED {case_name}: {cases[case_name][1].get('what_it_checks', '')}")
                    for line in said[:12]:
                        print(f"    {line[:400]}")
                    for text in filter(None, errors):
                        print(f"    our error: {text.strip()[:600]}")
                if said or done % 20 == 0:
                    print(f"... {done} of {len(chosen)}, {time.time() - started:.0f} s", flush=True)
    finally:
        engine.close()
        dlt.close()
    print(f"{len(chosen) - failed} passed, {failed} failed, {time.time() - started:.0f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
