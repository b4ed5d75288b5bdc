"""Words to write cases with. A case is a list of phases; a phase is one run against what the server then answers."""
import json

CASES = {}


def route(path="/items", rows=None, **more):
    """One route with one answer: `rows` as JSON, or raw=, json=, status=, headers= of the answer; query=, when=
    (request headers), body= (JSON keys of the request), method= select it."""
    answer = {k: more[k] for k in ("raw", "json", "status") if k in more}
    if rows is not None:
        answer["json"] = rows
    if "answer_headers" in more:
        answer["headers"] = more["answer_headers"]
    made = {"path": path, "responses": more.get("responses", [answer])}
    for ours, theirs in (("query", "query"), ("when", "headers"), ("body", "json"), ("method", "method")):
        if ours in more:
            made[theirs] = more[ours]
    return made


def run(rows=None, *, raw=None, routes=None, resources=None, client=None, defaults=None, endpoint=None, hints=None,
        source_args=None, source=None, **pipeline):
    """One run. Simple form: `rows` (or `raw` text) at /items, loaded by resource `items` with `hints` and `endpoint`.
    What is not given is taken over from the run before (except rows, raw and routes)."""
    return {"rows": rows, "raw": raw, "routes": routes, "resources": resources, "client": client,
            "defaults": defaults, "endpoint": endpoint, "hints": hints, "source_args": source_args, "source": source,
            "pipeline": pipeline}


KEPT = ("resources", "client", "defaults", "endpoint", "hints", "source_args", "source")
PASSING = ("fresh_workdir", "drop_pending", "run_args", "apply_hints")


def case(name, checks, *runs):
    if name in CASES:
        raise ValueError(f"two cases are named {name}")
    phases, pipelines, before, passed = [], [], {}, {}
    for one in runs:
        one = {**one, **{k: before.get(k) for k in KEPT if one[k] is None}}
        before = one
        routes = one["routes"]
        if routes is None:
            routes = [route(raw=one["raw"]) if one["raw"] is not None else route(rows=one["rows"] or [])]
        phases.append({"routes": routes})
        resources = one["resources"]
        if resources is None:
            resources = [{"name": "items", "endpoint": {"path": "items", **(one["endpoint"] or {})},
                          **(one["hints"] or {})}]
        source = {"client": {"base_url": "{{BASE}}", **(one["client"] or {})}, "resources": resources,
                  **(one["source"] or {})}
        if one["defaults"] is not None:
            source["resource_defaults"] = one["defaults"]
        own = one["pipeline"]
        passed = {**{k: v for k, v in passed.items() if k not in PASSING}, **own}
        pipelines.append({"pipeline_name": f"p_{name}", "dataset_name": f"ds_{name}",
                          **passed, "source": source, "source_args": one["source_args"] or {"name": "api"}})
    CASES[name] = json.loads(json.dumps(
        {"name": name, "what_it_checks": checks, "server": {"phases": phases}, "pipelines": pipelines}))
