"""Events for the worker: one JSON object a line, on a descriptor that the project's code does not know."""
import json
import os
import threading
import time

FD = 3
PROGRESS_SECONDS = 0.3

_lock = threading.Lock()
_owner = os.getpid()


def send(event, **more):
    # A fork of the project has the descriptor too, and says nothing there.
    if os.getpid() != _owner:
        return
    line = json.dumps({"event": event, **more}, default=str).encode("utf-8") + b"\n"
    with _lock:
        while line:
            line = line[os.write(FD, line) :]


class Progress:
    """What dlt's collector counts, at most a few times a second."""

    def __init__(self):
        self._rows = {}
        self._sent = 0.0

    def count(self, name, rows):
        self._rows[name] = self._rows.get(name, 0) + rows
        now = time.monotonic()
        if now - self._sent >= PROGRESS_SECONDS:
            self._sent = now
            send("progress", table=name, rows=self._rows[name], all_rows=sum(self._rows.values()))
