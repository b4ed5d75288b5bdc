"""What Unity Catalog keeps and Spark does not."""

import os
import re
import threading
from settings import VOLROOT
from sql_error import SqlError


class Store:
    def __init__(self):
        self.volumes, self.cons, self.tags, self.grants = {}, {}, {}, {}
        self.lock = threading.RLock()


STORE = Store()


def drop_keys(table):
    STORE.cons.pop(table, None)


def no_volume(key):
    return SqlError(
        "[UC_VOLUME_NOT_FOUND] Volume `%s`.`%s`.`%s` does not exist. Please use 'SHOW VOLUMES' to list available volumes. SQLSTATE: 42704"
        % key,
        "42704",
        "UC_VOLUME_NOT_FOUND",
    )


def local_path(path):
    """'/Volumes/catalog/schema/volume/…' as a path of this machine"""
    path = re.sub(r"^dbfs:", "", path)
    m = re.match(r"^/Volumes/([^/]+)/([^/]+)/([^/]+)(/.*)?$", path)
    if not m:
        raise SqlError("[INVALID_VOLUME_PATH] %s SQLSTATE: 22023" % path, "22023")
    key = (m[1].lower(), m[2].lower(), m[3].lower())
    if key not in STORE.volumes:
        raise no_volume(key)
    local = os.path.normpath(VOLROOT + path)
    if not local.startswith(VOLROOT + "/Volumes/"):
        raise SqlError("bad path", "22023")
    return local
