"""A deny list in place of grants: what it names is refused in the words of Unity Catalog."""

import fnmatch
import re
import sqlrewrite as R
from settings import CAT, CATALOGS
from sql_error import SqlError

# kind of statement: its beginning, the privilege that it needs, and on what. The first that matches is the kind.
KINDS = [
    ("CREATE SCHEMA", r"CREATE\s+(?:SCHEMA|DATABASE)\b", "CREATE SCHEMA", "catalog"),
    ("CREATE VOLUME", r"CREATE\s+(?:EXTERNAL\s+)?VOLUME\b", "CREATE VOLUME", "schema"),
    ("VOLUME", r"(?:DROP|SHOW|DESC|DESCRIBE)\s+VOLUMES?\b|LIST\b", "READ VOLUME", "volume"),
    ("CREATE TABLE", r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:EXTERNAL\s+)?TABLE\b", "CREATE TABLE", "schema"),
    ("CREATE VIEW", r"CREATE\s+(?:OR\s+REPLACE\s+)?VIEW\b", "CREATE TABLE", "schema"),
    ("COPY INTO", r"COPY\b", "MODIFY", "schema"),
    ("PUT", r"PUT\b", "WRITE VOLUME", "volume"),
    ("GET", r"GET\b", "READ VOLUME", "volume"),
    ("REMOVE", r"REMOVE\b", "WRITE VOLUME", "volume"),
    ("INSERT", r"INSERT\b", "MODIFY", "schema"),
    ("MERGE", r"MERGE\b", "MODIFY", "schema"),
    ("UPDATE", r"UPDATE\b", "MODIFY", "schema"),
    ("DELETE", r"DELETE\b", "MODIFY", "schema"),
    ("TRUNCATE", r"TRUNCATE\b", "MODIFY", "schema"),
    ("ALTER", r"ALTER\b", "MANAGE", "schema"),
    ("DROP", r"DROP\b", "MANAGE", "schema"),
    ("SELECT", r"SELECT\b|WITH\b|DESC\b|DESCRIBE\b|SHOW\b", "SELECT", "schema"),
]
# "USE CATALOG", "USE SCHEMA" and "*" are of every kind; "VOLUME" is also every statement that names a path of a Volume,
# and "FILES API" is the REST API of files
EVERY = {"*": ("SELECT", "schema"), "USE CATALOG": ("USE CATALOG", "catalog"), "USE SCHEMA": ("USE SCHEMA", "schema")}

DENIED = []


def replace(entries):
    """entries: {"kind": …, "schema": a glob, absent for all}"""
    known = {kind for kind, *_ in KINDS} | set(EVERY) | {"FILES API"}
    for entry in entries:
        if entry.get("kind") not in known:
            raise ValueError("kind must be one of " + ", ".join(sorted(known)))
    DENIED[:] = entries


def check(sql, current_schema):
    if not DENIED:
        return
    paths = re.findall(r"['\"`](?:dbfs:)?/Volumes/([^/'\"`]+)/([^/'\"`]+)/([^/'\"`]+)", sql)
    schemas = schemas_of(sql) | {schema.lower() for _, schema, _ in paths} or {current_schema()}
    kind, privilege, level = next(
        ((k, p, l) for k, begin, p, l in KINDS if re.match(begin, sql, re.I)), ("", "SELECT", "schema")
    )
    for entry in DENIED:
        hit = sorted(s for s in schemas if fnmatch.fnmatch(s, entry.get("schema", "*").lower()))
        if not hit:
            continue
        wanted = entry["kind"]
        if wanted in EVERY:
            raise refusal(*EVERY[wanted], hit[0])
        if wanted == "VOLUME" and paths:
            raise refusal("READ VOLUME", "volume", hit[0], paths[0][2])
        if wanted == kind:
            raise refusal(privilege, level, hit[0], paths[0][2] if paths else None)


def check_files(path, writes):
    """a call of the Files API"""
    m = re.match(r"/Volumes/[^/]+/([^/]+)/([^/]+)", path)
    for entry in DENIED:
        if entry["kind"] in ("FILES API", "USE CATALOG", "USE SCHEMA", "*") and fnmatch.fnmatch(
            m[1].lower(), entry.get("schema", "*").lower()
        ):
            raise refusal("WRITE VOLUME" if writes else "READ VOLUME", "volume", m[1], m[2])


def schemas_of(sql):
    """schemas of names with a catalog, and of CREATE and DROP SCHEMA"""
    found = set()
    for name in re.findall(R.NAME, "".join(v for k, v in R.lex(sql) if k not in ("str", "cm"))):
        parts = [x.lower() for x in R.split_name(name)]
        if len(parts) > 1 and parts[0] in CATALOGS and parts[1] != "information_schema":
            found.add(parts[1])
    return found


def refusal(privilege, level, schema, volume=None):
    name = CAT if level == "catalog" else "%s.%s" % (CAT, schema)
    if level == "volume":
        name += "." + (volume or "?")
    return SqlError(
        "[INSUFFICIENT_PERMISSIONS] PERMISSION_DENIED: User does not have %s on %s '%s'. SQLSTATE: 42501"
        % (privilege, level.capitalize(), name),
        "42501",
        "INSUFFICIENT_PERMISSIONS",
    )
