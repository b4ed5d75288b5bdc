"""Grants on tables and views: kept and shown, as Unity Catalog does; nothing is refused by them (denials.py does that)."""

import re
import pyarrow as pa
import sqlrewrite as R
from catalog import STORE
from handlers import N, on
from settings import CAT

WHAT = r"(?:ON\s+(?:TABLE\s+|VIEW\s+)?)(%s)" % N


def key_of(S, name):
    return S.full(R.split_name(name))


@on(r"^(GRANT|REVOKE)\s+([A-Z ,_]+?)\s+(?:ON\s+(SCHEMA|CATALOG|VOLUME|FUNCTION)\s|%s\s+(?:TO|FROM)\s+(.+))" % WHAT)
def _grant(S, m, s, p):
    if m[3]:
        return None
    grants = STORE.grants.setdefault(key_of(S, m[4]), set())
    for privilege in re.split(r"\s*,\s*", m[2].upper()):
        one = (R.split_name(m[5].strip())[0], re.sub(r"[\s_]+", " ", privilege))
        grants.add(one) if m[1].upper() == "GRANT" else grants.discard(one)
    return None


@on(r"^SHOW\s+GRANTS?\s+%s\s*$" % WHAT)
def _show(S, m, s, p):
    key = key_of(S, m[1])
    rows = sorted(STORE.grants.get(key, ()))
    return pa.table(
        {
            "Principal": pa.array([who for who, _ in rows], pa.string()),
            "ActionType": pa.array([what for _, what in rows], pa.string()),
            "ObjectType": pa.array(["TABLE" for _ in rows], pa.string()),
            "ObjectKey": pa.array([".".join((CAT, *key)) for _ in rows], pa.string()),
        }
    )


@on(r"^(?:DROP\s+(?:TABLE|VIEW)\s+(?:IF\s+EXISTS\s+)?|CREATE\s+OR\s+REPLACE\s+VIEW\s+)(%s)" % N)
def _gone(S, m, s, p):
    STORE.grants.pop(key_of(S, m[1]), None)
    return NotImplemented


@on(r"^DROP\s+(?:SCHEMA|DATABASE)\s+(?:IF\s+EXISTS\s+)?(%s)" % N)
def _all_gone(S, m, s, p):
    schema = R.split_name(m[1])[-1].lower()
    for key in [key for key in STORE.grants if key[0] == schema]:
        del STORE.grants[key]
    return NotImplemented
