"""One dbt that stays in memory: imports once (2.7 CPU seconds), then runs one command after another.

Started by warm-dbt.ts with the standard library and the user's dbt only. Protocol, one JSON object a line:

  stdin  <- {"args": [...], "env": {...}, "mark": "...", "candidate": {"suffix": "...", "nodes": [...] or null}}
            a command; end of file: whoever started this is gone
  fd 3   -> {"alive": true} every second; {"done": {"code": 0, "said": "", "rss": bytes, "listed": [...], "schema": "..."}}
            after a command: what `ls` listed, and the schema of the target
  stdout -> what dbt prints, then the command's mark on a line of its own, so that nothing printed is missed

Exit codes as dbt's own: 0 good, 1 nodes failed, 2 dbt could not do what was asked. The environment is the command's for
as long as it runs; afterwards neither it nor a connection nor an open database file is left.
"""

import contextlib
import gc
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
import traceback

ALIVE_SECONDS = 1.0
# After the starter is gone, dbt has this long to cancel what runs.
LAST_SECONDS = 10.0


def main() -> None:
    commands_from = os.fdopen(os.dup(0), "r", encoding="utf-8")
    # A child of dbt must not read our commands.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.set_inheritable(3, False)
    answers = os.fdopen(3, "w", encoding="utf-8")
    bare = dict(os.environ)
    commands: "queue.Queue[dict]" = queue.Queue()
    busy = threading.Event()
    threading.Thread(target=read_commands, args=(commands_from, commands, busy), daemon=True).start()
    lock = threading.Lock()

    def answer(message: dict) -> None:
        with lock:
            answers.write(json.dumps(message) + "\n")
            answers.flush()

    threading.Thread(target=tell_alive, args=(answer, busy), daemon=True).start()
    preload(sys.argv[1:])
    while True:
        command = commands.get()
        busy.set()
        try:
            done = run(command)
        finally:
            set_environment(bare)
            let_go()
            busy.clear()
        sys.stderr.flush()
        sys.stdout.write("\n" + command["mark"] + "\n")
        sys.stdout.flush()
        answer({"done": {**done, "rss": rss()}})


def read_commands(commands_from, commands, busy) -> None:
    for line in commands_from:
        commands.put(json.loads(line))
    if busy.is_set():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(LAST_SECONDS)
    os._exit(0)


def tell_alive(answer, busy) -> None:
    while True:
        busy.wait()
        answer({"alive": True})
        time.sleep(ALIVE_SECONDS)


def preload(adapters) -> None:
    """What every command needs, so that a process that was started ahead has it."""
    from dbt.adapters.factory import load_plugin
    from dbt.cli import main as _main  # noqa: F401
    from dbt.task import build as _build, freshness as _freshness  # noqa: F401

    for name in adapters:
        try:
            load_plugin(name)
        except Exception:
            # dbt says it better, when it is asked to do something.
            pass


def run(command: dict) -> dict:
    from dbt.cli.main import dbtRunner

    set_environment(command["env"])
    seen: dict = {}
    try:
        with parsed(command.get("candidate"), seen):
            result = dbtRunner().invoke(command["args"])
    except KeyboardInterrupt:
        return {"code": 2, "said": "interrupted"}
    except BaseException:
        return {"code": 2, "said": traceback.format_exc()}
    if result.success:
        listed = result.result if isinstance(result.result, list) else None
        return {"code": 0, "said": "", "listed": listed, **seen}
    if result.exception is None:
        return {"code": 1, "said": "", **seen}
    error = result.exception
    # The command line prints these two kinds itself, where an event tells all others.
    if type(error).__name__ == "DbtUsageException":
        return {"code": 2, "said": "Usage: dbt\n\nError: " + str(error)}
    return {"code": 2, "said": f"{type(error).__name__}: {error}"}


@contextlib.contextmanager
def parsed(candidate: "dict | None", seen: dict):
    """Around the parsing of a command: tells the target's schema, and moves what is built into a candidate's schemas."""
    from dbt.cli import requires
    from dbt.task import retry

    originals = [(module, module.parse_manifest) for module in (requires, retry)]

    def parse_manifest(config, *args, **kwargs):
        manifest = originals[0][1](config, *args, **kwargs)
        seen["schema"] = config.credentials.schema
        if candidate is not None:
            move(manifest, config, candidate["suffix"], candidate.get("nodes"))
        return manifest

    for module, _ in originals:
        module.parse_manifest = parse_manifest
    try:
        yield
    finally:
        for module, original in originals:
            module.parse_manifest = original


def move(manifest, config, suffix: str, nodes: "list | None") -> None:
    """
    Every node that is built goes to its schema with the suffix, so that `ref` and `this` mean the candidate. What was
    parsed is the project as it is, and is kept as such: a project need not be parsed again for every candidate. Nodes
    that are not named stay where they are live.
    """
    chosen = None if nodes is None else set(nodes)
    for unique_id, node in manifest.nodes.items():
        if node.resource_type not in ("model", "seed", "snapshot", "test"):
            continue
        if chosen is not None and unique_id not in chosen:
            continue
        if node.relation_name:
            node.relation_name = moved_name(node.relation_name, node.schema, node.schema + suffix)
        node.schema += suffix
    # What macros and hooks read as `target.schema`.
    config.credentials.schema += suffix
    manifest.build_flat_graph()
    from dbt.parser.manifest import write_manifest

    if config.args.write_json:
        write_manifest(manifest, config.project_target_path)


def moved_name(relation: str, schema: str, moved: str) -> str:
    """The last name but one is the schema; names may hold anything, so it is looked for from behind."""
    at = relation.rfind(schema, 0, relation.rfind("."))
    return relation if at < 0 else relation[:at] + moved + relation[at + len(schema) :]


def set_environment(env: dict) -> None:
    zone = os.environ.get("TZ")
    os.environ.clear()
    os.environ.update(env)
    if os.environ.get("TZ") != zone:
        time.tzset()


def let_go() -> None:
    """Connections, credentials and the environment that dbt keeps between commands."""
    try:
        from dbt.adapters.factory import reset_adapters
        from dbt_common.context import set_invocation_context

        reset_adapters()
        set_invocation_context({})
        duckdb = sys.modules.get("dbt.adapters.duckdb.connections")
        if duckdb is not None:
            manager = duckdb.DuckDBConnectionManager
            with manager._LOCK:
                # keep_open in a profile would hold the file against everybody else.
                if manager._ENV is not None:
                    manager._ENV.close()
                manager._ENV = None
                manager._LOGGED_MESSAGES.clear()
        for handler in logging.getLogger("file_log").handlers:
            handler.close()
        gc.collect()
    except Exception:
        # A dbt that does not let go as this one does is ended, and the next command starts another.
        traceback.print_exc()
        os._exit(70)


def rss() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        os._exit(130)
