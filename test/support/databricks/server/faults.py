"""What a warehouse does to its clients on bad days, switched at run time: latency, pauses, lost connections."""

import os
import threading
import time


class Faults:
    def __init__(self):
        self.latency = int(os.environ.get("DBX_LATENCY_MS", "0")) / 1000
        # statements wait as long as this is cleared
        self.running = threading.Event()
        self.running.set()
        self.unavailable = False
        self.drops, self.short_uploads = [], []
        self.lock = threading.Lock()

    def before_statement(self):
        """the way to the warehouse and its queue"""
        if self.latency:
            time.sleep(self.latency)
        self.running.wait()

    def drop(self, when, sql):
        """whether the connection is to be cut `before` this statement runs, or `after` it, so that its answer is lost"""
        return self.take(self.drops, sql, lambda d: d.get("when", "before") == when) is not None

    def kept_bytes(self, path):
        """how much of an upload arrives; None: all"""
        entry = self.take(self.short_uploads, path, lambda _: True)
        return entry and entry["bytes"]

    def take(self, entries, text, fits):
        with self.lock:
            for entry in entries:
                if fits(entry) and entry.get("match", "") in text:
                    entry["times"] = entry.get("times", 1) - 1
                    if entry["times"] <= 0:
                        entries.remove(entry)
                    return entry
        return None


FAULTS = Faults()
