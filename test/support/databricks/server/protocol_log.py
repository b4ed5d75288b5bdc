"""The protocol log: one JSON object per line."""

import json
import os
import threading
from settings import LAB


class Log:
    def __init__(self, path):
        self.file, self.lock = open(path, "a", buffering=1), threading.Lock()

    def write(self, **entry):
        with self.lock:
            self.file.write(json.dumps(entry) + "\n")


LOG = Log(os.environ.get("DBX_LOG", LAB + "/statements.log"))
