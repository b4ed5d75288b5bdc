"""Random cases. A plan is plain data: per phase the resources, their rows and the arguments of the run; `render` makes
a case of the harness out of it. The shrinker takes parts of a plan away."""
import copy
import random

from documents import Number, Slot, document, scalar, shape, text_of

MODES = ("evolve", "freeze", "discard_row", "discard_value")
KEY = "id"
# Without the literals NaN and Infinity: whether dlt reads them depends on the simplejson beside it (4.x refuses, 3.x
# takes them); ours takes them, as null. 1e400 is read as infinity by all.
EXTREMES = (Number("1e400"), Number("-1e400"), 2**63, 2**64 - 1, 2**64, -(2**63) - 1,
            2**63 - 1, Number("-0"), Number("1E+2"), Number("0e0"), Number("123456789012345678901234567890.5"))
BASE_TIME = "2024-01-{day:02d}T00:00:0{n}Z"


def plan_of(seed, number):
    """The case `number` of a seed; the same on every machine."""
    rng = random.Random(f"{seed}/{number}")
    phases = rng.choice((1, 2, 2, 3, 3, 4))
    resources = [Resource(rng, f"r{i}") for i in range(rng.choice((1, 1, 2)))]
    source_args = {"name": rng.choice(("api", "api", "mySource"))}
    if rng.random() < 0.2:
        source_args["max_table_nesting"] = rng.randint(0, 3)
    if rng.random() < 0.1 and not any(r.merges() for r in resources):
        source_args["root_key"] = True
    if rng.random() < 0.1:
        source_args["schema_contract"] = contract(rng)
    destination_args = {}
    if rng.random() < 0.2:
        destination_args["replace_strategy"] = rng.choice(("truncate-and-insert", "insert-from-staging"))
    if rng.random() < 0.1:
        destination_args["max_identifier_length"] = rng.choice((30, 40, 63))
    plan = {"phases": []}
    for phase in range(phases):
        run_args = {}
        if phase and rng.random() < 0.08:
            run_args["schema_contract"] = contract(rng)
        if rng.random() < 0.06:
            run_args["loader_file_format"] = rng.choice(("parquet", "insert_values"))
        if phase and rng.random() < 0.06:
            run_args["refresh"] = rng.choice(("drop_sources", "drop_resources", "drop_data"))
        plan["phases"].append({
            "resources": [r.config(rng, phase) for r in resources],
            "rows": {r.name: r.rows(rng, phase) for r in resources},
            "wrapped": {r.name: r.wrapped for r in resources},
            "source_args": dict(source_args), "run_args": run_args, "destination_args": destination_args,
            "apply_hints": {r.name: r.applied for r in resources if r.applied} or None,
            "fresh_workdir": phase > 0 and (rng.random() < 0.2 or counts_ahead(resources)),
            # What a failed run left behind would only fail again.
            "drop_pending": True,
        })
    return plan


def counts_ahead(resources):
    """dlt sets a resource's `max_table_nesting` anew in each run and takes it back while it normalizes, which counts up
    the schema's version in its local folder, by two per run that changes nothing. Ours begins with the stored version,
    as dlt does with an empty folder; so such cases run with one."""
    return any("max_table_nesting" in r.hints for r in resources)


def contract(rng):
    if rng.random() < 0.3:
        return rng.choice(MODES)
    return {entity: rng.choice(MODES) for entity in rng.sample(("tables", "columns", "data_type"), rng.randint(1, 2))}


class Resource:
    """A resource for all phases of a case: shape, hints, the way its rows change."""

    def __init__(self, rng, name):
        self.name = name if rng.random() < 0.8 else rng.choice(("My Items", "orderLines", "a__b", "Ünï")) + name
        self.wild = rng.random() < 0.35
        self.slots = shape(rng, rng.randint(0, 4), rng.randint(2, 9), self.wild)
        self.slots = [s for s in self.slots if s.key not in ("id", "ID", "Id", "iD", "u", "_dlt_x")]
        self.wrapped = rng.random() < 0.2
        # Rows that are no objects: only where no key is asked for.
        self.plain = rng.random() < 0.15
        self.size = rng.choice((0, 2, 5, 8, 12, 16) if rng.random() < 0.5 else (6, 12))
        self.applied = None
        # Infinity arrives as null; integers beyond 2^63 fail the load, beyond 2^64 extract.
        self.extreme = rng.random() < 0.1
        self.hints, self.endpoint = {}, {}
        self.disposition(rng)
        self.incremental(rng)
        self.plain = self.plain and not self.cursor and "primary_key" not in self.hints and "merge_key" not in self.hints
        if rng.random() < 0.25:
            self.hints["max_table_nesting"] = rng.randint(0, 3)
        if rng.random() < 0.15:
            self.hints["schema_contract"] = contract(rng)
        self.own_ids = self.what in ("append", "replace", "none") and rng.random() < 0.1
        columns = self.columns(rng)
        if columns:
            self.hints["columns"] = {**self.hints.get("columns", {}), **columns}
        self.nested(rng)
        if rng.random() < 0.1:
            # apply_hints takes all but what the REST config alone knows.
            self.applied = {k: self.hints.pop(k) for k in list(self.hints) if k in ("write_disposition", "columns")}

    def merges(self):
        return self.what in ("merge", "delete-insert", "upsert", "insert-only", "cdc", "scd2")

    def disposition(self, rng):
        self.what = rng.choice(("append", "append", "append", "replace", "merge", "delete-insert", "delete-insert",
                                "upsert", "upsert", "insert-only", "cdc", "scd2", "scd2", "merge_key", "none"))
        self.deletes = self.sorts = self.twice = False
        if self.what == "none":
            return
        if self.what in ("append", "replace"):
            self.hints["write_disposition"] = self.what
            if rng.random() < 0.2:
                self.hints["primary_key"] = KEY
            return
        if self.what in ("merge", "merge_key"):
            self.hints["write_disposition"] = "merge"
        else:
            self.hints["write_disposition"] = {"disposition": "merge", "strategy": self.what}
        if self.what == "scd2":
            if rng.random() < 0.3:
                self.hints["merge_key"] = KEY
            if rng.random() < 0.2:
                self.hints["write_disposition"]["validity_column_names"] = ["_dlt_from", "_dlt_To Date"]
            if rng.random() < 0.2:
                self.hints["write_disposition"]["active_record_timestamp"] = "9999-12-31"
            if rng.random() < 0.15:
                self.hints["write_disposition"]["boundary_timestamp"] = "2024-05-05T05:05:05Z"
            return
        if self.what == "merge_key":
            self.hints["merge_key"] = "day"
        else:
            self.hints["primary_key"] = rng.choice((KEY, KEY, [KEY, "sub"]))
            if self.what in ("merge", "delete-insert") and rng.random() < 0.2:
                self.hints["merge_key"] = "day"
        if rng.random() < 0.3:
            self.deletes = rng.choice(("bool", "text"))
            hint = {"hard_delete": True}
            if rng.random() < 0.7 or self.deletes == "bool":
                hint["data_type"] = self.deletes
            self.hints.setdefault("columns", {})["gone"] = hint
        if self.what in ("merge", "delete-insert") and rng.random() < 0.4:
            # Without a sort the row that wins is arbitrary in dlt, so keys come twice only with one, all values apart.
            self.sorts = self.twice = True
            self.hints.setdefault("columns", {})["seq"] = {"dedup_sort": rng.choice(("asc", "desc")), "data_type": "bigint"}
        if self.what in ("upsert", "cdc") and rng.random() < 0.2:
            self.hints["write_disposition"]["skip_unchanged_rows"] = True
        if self.what in ("upsert", "cdc", "delete-insert") and rng.random() < 0.15:
            self.hints["write_disposition"]["source_filter"] = "id IS NOT NULL"

    def incremental(self, rng):
        self.cursor = None
        if rng.random() > 0.25:
            return
        self.cursor = rng.choice(("int", "time", "float"))
        options = {"cursor_path": "u"}
        if rng.random() < 0.3:
            options["initial_value"] = {"int": 3, "time": "2024-01-02T00:00:00Z", "float": 1.5}[self.cursor]
            if rng.random() < 0.3:
                options["end_value"] = {"int": 9, "time": "2024-01-08T00:00:00Z", "float": 8.5}[self.cursor]
        if rng.random() < 0.2 and "end_value" not in options:
            options["last_value_func"] = rng.choice(("min", "max"))
        if rng.random() < 0.3:
            options["range_start"] = rng.choice(("open", "closed"))
        if rng.random() < 0.2:
            options["range_end"] = rng.choice(("open", "closed"))
        options["on_cursor_value_missing"] = rng.choice(("include", "exclude"))
        if rng.random() < 0.2:
            options["primary_key"] = rng.choice((KEY, [KEY], []))
        if rng.random() < 0.15 and self.cursor == "int" and "end_value" not in options:
            options["lag"] = rng.randint(1, 4)
        self.endpoint["incremental"] = options

    def columns(self, rng):
        hints = {}
        for slot in self.slots:
            if rng.random() > 0.15:
                continue
            draw = rng.random()
            if draw < 0.25:
                hint = {"data_type": "text"}
            elif draw < 0.4:
                hint = {"data_type": "json"}
            elif draw < 0.5 and slot.kind in ("int", "small", "float", "number_text"):
                hint = {"data_type": "decimal", "precision": 38, "scale": rng.choice((2, 9))} if slot.kind != "float" else {"data_type": "double"}
            elif draw < 0.6 and slot.kind in ("int", "small", "bool"):
                hint = {"data_type": "double" if slot.kind != "bool" else "bool"}
            elif draw < 0.7 and slot.kind in ("time",):
                hint = {"data_type": "timestamp", "timezone": rng.random() < 0.5, "precision": rng.choice((0, 3, 6))}
            elif draw < 0.78:
                hint = {"description": "said of it"}
            elif draw < 0.9:
                # Values that do not fit go to variants or fail normalize, in both engines alike.
                hint = {"data_type": rng.choice(("date", "time", "timestamp", "wei", "binary", "bool", "double", "bigint"))}
            else:
                hint = {"nullable": True, **({"data_type": "bigint", "precision": 32} if slot.kind == "small" else {})}
            hints[slot.key] = hint
        # A hint is for a name after normalisation; two hints for one name would be merged in an order of dlt's own.
        return {k: v for k, v in hints.items() if k.replace("_", "").isalnum() and k.isascii() and k.islower() and "__" not in k}

    def nested(self, rng):
        lists = [s for s in self.slots if s.kind == "objects" and s.key.isalpha() and s.key.islower() and s.key.isascii()]
        if not lists or rng.random() > 0.2:
            return
        slot = rng.choice(lists)
        hint = {}
        inner = [s for s in slot.inner if s.key.isalpha() and s.key.islower() and s.kind in ("int", "small", "text")]
        if inner:
            hint["columns"] = {inner[0].key: {"name": inner[0].key, "data_type": "text"}}
        if rng.random() < 0.3:
            hint["schema_contract"] = contract(rng)
        if inner and rng.random() < 0.2 and self.what in ("append", "none"):
            # A key makes it a table of its own, which keeps being appended to.
            hint["merge_key"] = inner[0].key
            for one in slot.inner:
                if one.key == inner[0].key:
                    one.null = one.missing = one.odd = one.first = 0
        if hint:
            self.hints["nested_hints"] = {slot.key: hint}

    def config(self, rng, phase):
        made = {"name": self.name, "endpoint": {"path": self.path(), **self.endpoint}, **copy.deepcopy(self.hints)}
        if not self.wrapped:
            made["endpoint"]["paginator"] = "single_page"
        return made

    def path(self):
        return "".join(c for c in self.name if c.isascii() and c.isalnum())

    def rows(self, rng, phase):
        if phase and rng.random() < 0.1:
            return []
        ids = rng.sample(range(1, 25), self.size) if self.size else []
        if self.what == "append" and rng.random() < 0.1:
            ids = [rng.choice((i, str(i))) for i in ids]
        made = []
        for i in ids:
            made.append(self.row(rng, phase, i))
            if self.twice and rng.random() < 0.4:
                made.append(self.row(rng, phase, i))
        if self.twice:
            for seq, row in zip(rng.sample(range(1000), len(made)), made):
                row["seq"] = seq
        rng.shuffle(made)
        if self.plain and rng.random() < 0.5:
            made += rng.sample((1, "x", None, True, Number("2.5"), [1, "a"], [], {}, [{"k": 1}]), 3)
        return made

    def row(self, rng, phase, key):
        row = {"id": key}
        if "sub" in (self.hints.get("primary_key") or []):
            row["sub"] = f"s{key}"
        if self.hints.get("merge_key") == "day":
            # A row may match by either key; with both, a key keeps its day, so that no row is hit by two.
            row["day"] = f"d{key % 3}" if isinstance(key, int) else "d"
        row.update(document(rng, self.slots, phase))
        if self.own_ids and rng.random() < 0.3:
            row["_dlt_id"] = rng.choice((f"own{phase}_{key}", "", None))
        if self.extreme and rng.random() < 0.2:
            row["extreme"] = rng.choice(EXTREMES)
        if self.deletes and rng.random() < 0.6:
            row["gone"] = rng.random() < 0.4 if self.deletes == "bool" else rng.choice((None, None, "yes"))
        if self.cursor and rng.random() < 0.95:
            step = phase * 3 + rng.randint(0, 5)
            row["u"] = {"int": step, "float": Number(repr(step + 0.5)),
                        "time": BASE_TIME.format(day=step + 1, n=rng.randint(0, 3))}[self.cursor]
        elif self.cursor and rng.random() < 0.5:
            row["u"] = None
        return row


def render(plan, name, checks):
    """The plan as a case of the harness."""
    phases, pipelines = [], []
    for phase in plan["phases"]:
        routes = []
        for resource in phase["resources"]:
            text = text_of(phase["rows"][resource["name"]])
            raw = '{"info":{"n":1},"data":' + text + "}" if phase["wrapped"][resource["name"]] else text
            routes.append({"path": "/" + resource["endpoint"]["path"], "responses": [{"raw": raw}]})
        phases.append({"routes": routes})
        pipeline = {"pipeline_name": "p_random", "dataset_name": "ds_random",
                    "source": {"client": {"base_url": "{{BASE}}"}, "resources": phase["resources"]},
                    "source_args": phase["source_args"]}
        for key in ("run_args", "destination_args", "apply_hints", "fresh_workdir", "drop_pending"):
            if phase.get(key):
                pipeline[key] = phase[key]
        pipelines.append(pipeline)
    return {"name": name, "what_it_checks": checks, "server": {"phases": phases}, "pipelines": pipelines}


def documents_in(plan):
    return sum(len(rows) for phase in plan["phases"] for rows in phase["rows"].values())
