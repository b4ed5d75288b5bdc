"""The parity cases with PostgreSQL as the destination, beside real dlt's `postgres` on the same server: the same tables,
types, rows, state and stored schemas; cases of several runs also by turns, either engine going on with the other's.

  run_postgres.py --dsn DSN                 a part of the cases (--seed takes another)
  run_postgres.py --dsn DSN --all           every case, and both orders of turns
  run_postgres.py --dsn DSN --only TEXT     cases whose section is this, or whose name holds it; several with commas
"""
import argparse
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
PARITY = os.path.dirname(HERE)
sys.path[:0] = [HERE, PARITY, os.path.join(PARITY, "cases")]
import compare
import engines
import half_loads
from in_postgres import in_postgres
from run_case import as_dlts_by_turns, run_case
from run_parity import SEED, all_cases

#: dlt cannot load these there (its INSERTs have no way to say them, or it takes no such files): nothing to compare with.
OURS_ALONE = {
    **{f"c_json_value_{n}": "a number or truth value of its own in jsonb" for n in (2, 5, 14, 15)},
    **{
        name: "no files of jsonl there"
        for name in ("c_formats_types_jsonl", "c_nul_jsonl", "c_text_nan_jsonl", "d_jsonl")
    },
    **{name: "needs dlt's ADBC driver" for name in ("c_nul_parquet", "c_text_nan_parquet")},
    "c_to_json": "numbers and truth values of their own in jsonb, among others",
    "c_text_nan_to_decimal": "numeric has a NaN, for which there is no literal",
}
OPTIONS = argparse.Namespace(strict=True, ignore_requests=False, ignore_column_order=False, limit=60)


def differences(expected, dump):
    return compare.compare(half_loads.without(expected, expected), half_loads.without(dump, expected), OPTIONS)


def check(case, parts, destination, whole, rng):
    """Number of runs that were compared, differences, and what our engine said."""
    expected = run_case(case, parts, ["dlt"], destination=destination)
    ours = run_case(case, parts, ["cmd"], destination=destination)
    said = differences(expected, ours) + half_loads.left_behind(ours)
    errors = [phase["result"].get("stderr", "") for phase in ours["phases"]]
    runs = len(case["pipelines"])
    if runs == 1 or not all(phase["result"]["ok"] for phase in expected["phases"]):
        return 1, said, errors
    orders = [["dlt", "cmd"] * runs, ["cmd", "dlt"] * runs]
    for order in orders if whole else [rng.choice(orders)]:
        dump = run_case(case, parts, order, destination=destination)
        if differences(expected, dump):
            by_turns = as_dlts_by_turns(case, parts, order, destination)
            said += [f"[{','.join(order[:2])}] {line}" for line in differences(by_turns, dump)]
            errors += [phase["result"].get("stderr", "") for phase in dump["phases"]]
    return 1 + (len(orders) if whole else 1), said, errors


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dsn", required=True, help="of a role that may create databases")
    ap.add_argument("--all", action="store_true")
    ap.add_argument("--share", type=float, default=0.08, help="of the cases, without --all")
    ap.add_argument("--seed", type=int, default=SEED)
    ap.add_argument("--only")
    ap.add_argument("--jobs", type=int, default=3)
    a = ap.parse_args()
    cases = all_cases()
    chosen = sorted(set(cases) - set(OURS_ALONE))
    if a.only:
        wanted = a.only.split(",")
        chosen = [n for n in chosen if any(w == cases[n][0] or (len(w) > 1 and w in n) for w in wanted)]
    elif not a.all:
        chosen = [n for n in chosen if random.Random(f"postgres/{a.seed}/{n}").random() < a.share]
    parts = {"cmd": engines.Command(os.path.join(PARITY, "engine")), "dlt": engines.Dlt()}
    destination = in_postgres(a.dsn)
    started, failed, compared = time.time(), 0, 0

    def one(name):
        try:
            return name, *check(cases[name][1], parts, destination, a.all, random.Random(f"{a.seed}/{name}"))
        except Exception as error:
            return name, 0, [f"harness: {error!r}"], []

    try:
        with ThreadPoolExecutor(a.jobs) as pool:
            for done, (name, runs, said, errors) in enumerate(pool.map(one, chosen), 1):
                compared += runs
                if said:
                    failed += 1
                    print(f"FAILED {name}: {cases[name][1].get('what_it_checks', '')}")
                    for line in said[:12]:
                        print(f"    {line[:400]}")
                    for text in filter(None, errors):
                        print(f"    our error: {text.strip()[:600]}")
                if said or done % 20 == 0:
                    print(f"... {done} of {len(chosen)}, {time.time() - started:.0f} s", flush=True)
    finally:
        for part in parts.values():
            part.close()
    print(f"{len(chosen) - failed} passed, {failed} failed; {compared} runs compared, {time.time() - started:.0f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
