"""Settings of the server, from its environment."""

import os


OWNER = os.environ.get("DBX_OWNER", "standin")
CAT = os.environ.get("DBX_CATALOG", "main")
CATALOGS = [CAT] + [c for c in ("main", "workspace", "hive_metastore", "samples") if c != CAT]
HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.abspath(os.environ.get("DBX_ROOT") or os.path.join(HERE, "run"))
VOLROOT = LAB + "/vol"
os.makedirs(LAB, exist_ok=True)
