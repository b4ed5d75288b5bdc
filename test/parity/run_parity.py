"""Compares our engine with dlt on every case.

  run_parity.py                 all cases against the committed dumps, a third of them (chosen by --seed) live
  run_parity.py --share 0.5     half of the cases, of every section
  run_parity.py --all           all cases live: dlt alone, ours alone, and both mixed where a case has several runs
  run_parity.py --record        run real dlt only and write its dumps
"""
import argparse
import glob
import importlib
import json
import os
import random
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "cases")]
import compare
import engines as engine_parts
import half_loads
import stored_dumps
from build import CASES
from run_case import as_dlts_by_turns, run_case

SECTIONS = {"basics": "basics", "a": "naming", "b": "normalizer, row ids", "c": "types, coercion, variants",
            "d": "system tables, schema, state", "e": "write dispositions", "f": "incremental",
            "g": "REST configuration", "h": "contracts, hints", "m": "found by random documents"}

#: A check fails for what was changed, never for the day it runs on; other thirds are taken by hand.
SEED = 20781


def all_cases():
    """name → (section, case)"""
    found = {}
    for path in sorted(glob.glob(os.path.join(HERE, "cases", "basics", "*.json"))):
        with open(path) as file:
            one = json.load(file)
        found[one["name"]] = ("basics", one)
    for path in sorted(glob.glob(os.path.join(HERE, "cases", "[a-z]_*.py"))):
        before = set(CASES)
        importlib.import_module(os.path.basename(path)[:-3])
        for name in CASES:
            if name not in before:
                found[name] = (os.path.basename(path)[0], CASES[name])
    return found


def lanes(case, live, expected, whole, rng):
    """What to run: label → engine of each phase. Mixed lanes: one of them, or all with --all. Where a run fails there
    are none: a pending package is in the folder of the engine that made it."""
    ours = {"ours": ["cmd"]}
    if not live:
        return ours
    runs = len(case["pipelines"])
    if runs == 1 or not all(phase["result"]["ok"] for phase in expected["phases"]):
        return {"dlt": ["dlt"], **ours}
    mixed = {"dlt,ours": ["dlt", "cmd"] * runs, "ours,dlt": ["cmd", "dlt"] * runs}
    if not whole:
        label = rng.choice(sorted(mixed))
        mixed = {label: mixed[label]}
    elif runs > 2:
        mixed["dlt,ours,ours"] = ["dlt", "cmd"]
    return {"dlt": ["dlt"], **ours, **mixed}


class Table:
    def __init__(self):
        self.rows, self.lock = {}, threading.Lock()

    def add(self, section, **numbers):
        with self.lock:
            row = self.rows.setdefault(section, {"cases": 0, "live": 0, "checks": 0, "by_turns": 0, "failed": 0})
            for key, value in numbers.items():
                row[key] += value

    def show(self):
        print(f"\n{'section':<34}{'cases':>7}{'live':>7}{'runs':>7}{'by turns':>10}{'failed':>8}")
        for section, title in SECTIONS.items():
            if section in self.rows:
                row = self.rows[section]
                label = title if section == title else f"{section}  {title}"
                print(f"{label:<34}{row['cases']:>7}{row['live']:>7}{row['checks']:>7}{row['by_turns']:>10}{row['failed']:>8}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--all", action="store_true", help="every case live")
    ap.add_argument("--share", type=float, default=1, help="share of the cases that run at all (chosen by --seed)")
    ap.add_argument("--live", type=float, default=1 / 3, help="share of the cases that run live")
    ap.add_argument("--only", help="cases whose name or section holds this text")
    ap.add_argument("--seed", type=int, default=SEED, help="chooses the live third")
    ap.add_argument("--loose", action="store_true", help="leave out exception names, schema JSON and hashes")
    ap.add_argument("--strict", action="store_true", help="as without (kept for symmetry with compare.py)")
    ap.add_argument("--new", action="store_true", help="only cases that have no dump yet; with --record")
    ap.add_argument("--record", action="store_true")
    ap.add_argument("--jobs", type=int, default=3)
    ap.add_argument("--engine-cmd", default=os.path.join(HERE, "engine"))
    ap.add_argument("--keep", help="write all dumps into this folder")
    ap.add_argument("--verbose", action="store_true")
    a = ap.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seed = a.seed
    cases = {n: c for n, c in all_cases().items() if not a.only or (a.only == c[0] if a.only in SECTIONS else a.only in n)}
    if a.new:
        cases = {n: c for n, c in cases.items() if not os.path.exists(stored_dumps.path(c[0], n))}
    # each by its own name, so that a new case does not move others in or out
    if not (a.all or a.record):
        cases = {n: c for n, c in cases.items() if random.Random(f"share/{seed}/{n}").random() < a.share}
    share = 1 if a.all or a.record else a.live
    live = {name for name in cases if random.Random(f"live/{seed}/{name}").random() < share}
    print(f"{len(cases)} cases, {len(live)} live against dlt (seed {seed})", flush=True)
    parts = {"cmd": engine_parts.Command(a.engine_cmd)}
    if live:
        parts["dlt"] = engine_parts.Dlt()
    options = argparse.Namespace(strict=not a.loose, ignore_requests=False, ignore_column_order=False, limit=60)
    table, started, problems = Table(), time.time(), []

    def one(name):
        section, case = cases[name]
        said = []
        try:
            if a.record:
                stored_dumps.write(section, name, run_case(case, parts, ["dlt"]))
                table.add(section, cases=1)
                return name, said
            expected = stored_dumps.read(section, name)
            checked = lanes(case, name in live, expected, a.all, random.Random(f"{seed}/{name}"))
            for label, engines in checked.items():
                dump = run_case(case, parts, engines)
                if a.keep:
                    os.makedirs(a.keep, exist_ok=True)
                    with open(os.path.join(a.keep, f"{name}.{label}.json"), "w") as file:
                        json.dump(dump, file, indent=1, ensure_ascii=False)
                differences = compare.compare(
                    half_loads.without(expected, expected), half_loads.without(dump, expected), options
                )
                if label == "ours":
                    differences += half_loads.left_behind(dump)
                elif differences and label != "dlt":
                    by_turns = compare.compare(as_dlts_by_turns(case, parts, engines), dump, options)
                    table.add(section, by_turns=int(not by_turns))
                    differences = by_turns and [*differences, "and from two dlts by turns:", *by_turns]
                if differences:
                    said.append((label, differences, [p["result"].get("stderr", "") for p in dump["phases"]]))
            table.add(section, cases=1, live=int(name in live), checks=len(checked), failed=len(said))
        except Exception as error:
            said.append(("harness", [repr(error)], []))
            table.add(section, cases=1, failed=1)
        return name, said

    try:
        with ThreadPoolExecutor(a.jobs) as pool:
            done = 0
            for name, said in pool.map(one, sorted(cases)):
                for label, differences, errors in said:
                    problems.append(name)
                    print(f"FAILED {name} [{label}]: {cases[name][1].get('what_it_checks', '')}")
                    for line in differences[: 60 if a.verbose else 12]:
                        print(f"    {line}")
                    for text in filter(None, errors):
                        print(f"    our error: {text.strip()[:600]}")
                done += 1
                if said or done % 50 == 0:
                    print(f"... {done} of {len(cases)}, {time.time() - started:.0f} s", flush=True)
    finally:
        for part in parts.values():
            part.close()
    failed = len(set(problems))
    table.show()
    print(f"\n{time.time() - started:.0f} s")
    print(f"{len(cases) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
