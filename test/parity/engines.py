"""The two engines behind one call: real dlt through a process that forks per phase, ours through test/parity/engine."""
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
PHASE_TIMEOUT = 300


class Dlt:
    """Real dlt. Phases may run at the same time."""

    def __init__(self):
        self.data = tempfile.TemporaryDirectory(prefix="parity_dlt_")
        self.waiting, self.lock = {}, threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "dlt_zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.data.name,
            env={**os.environ, "DLT_DATA_DIR": self.data.name},
        )
        self.ready, self.ended = threading.Event(), False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            name = line.strip()
            if name == "ready":
                self.ready.set()
            else:
                with self.lock:
                    self.waiting.pop(name).set()
        # It is gone: nobody waits any longer, neither for its start nor for an answer.
        self.ended = True
        self.ready.set()
        with self.lock:
            for waiting in self.waiting.values():
                waiting.set()

    def run(self, phase_file, cwd):
        # Long enough for a busy machine: Spark and four of these may start at once.
        if not self.ready.wait(300) or self.ended:
            raise RuntimeError("dlt did not start")
        name, done, result = uuid.uuid4().hex, threading.Event(), phase_file + ".result"
        if os.path.exists(result):
            os.remove(result)
        with self.lock:
            self.waiting[name] = done
            request = {"id": name, "phase": phase_file, "result": result, "cwd": cwd}
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        if not done.wait(PHASE_TIMEOUT):
            raise RuntimeError("dlt did not end a phase in time")
        if not os.path.exists(result):
            raise RuntimeError("dlt ended without an answer")
        with open(result) as file:
            return json.load(file)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.data.cleanup()


class Command:
    """An engine that is a program with one argument (see README.md)."""

    def __init__(self, command):
        self.command = shlex.split(command)
        # One process of the engine for this run, so that sources may be edited meanwhile.
        self.folder = tempfile.TemporaryDirectory(prefix="parity_engine_")
        self.socket = os.path.join(self.folder.name, "engine.sock")
        self.env = {**os.environ, "TIDEMARK_PARITY_SOCKET": self.socket}

    def _ask(self, phase_file):
        """The answer of our engine's process, without a program in between (a fifth of a phase's time); None while
        there is no such process."""
        if not os.path.exists(self.socket):
            return None
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(PHASE_TIMEOUT)
                line.connect(self.socket)
                line.sendall(json.dumps({"phase": phase_file}).encode() + b"\n")
                told = b"".join(iter(lambda: line.recv(65536), b""))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        if not told:
            return {"ok": False, "step": None, "exception": "Crash", "stderr": "the engine's process ended in the middle"}
        answer = json.loads(told)
        if answer["ok"]:
            return {"ok": True}
        return {"ok": False, "step": answer["step"], "exception": answer["exception"], "stderr": answer["message"]}

    def run(self, phase_file, cwd):
        answer = self._ask(phase_file)
        if answer is not None:
            return answer
        done = subprocess.run(
            [*self.command, phase_file], cwd=cwd, capture_output=True, text=True, timeout=PHASE_TIMEOUT, env=self.env
        )
        result = {"ok": done.returncode == 0}
        if done.returncode:
            try:
                result.update(json.loads(done.stdout.strip().splitlines()[-1]))
            except (ValueError, IndexError):
                pass
            result["stderr"] = done.stderr[-2000:]
        return result

    def close(self):
        if os.path.exists(self.socket):
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(self.socket)
                line.sendall(b'{"end": true}\n')
        self.folder.cleanup()
