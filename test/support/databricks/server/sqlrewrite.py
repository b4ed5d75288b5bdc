"""Tiny SQL lexer + rewrites of Databricks-only syntax to what OSS Spark/Delta understands."""

import re

TOK = re.compile(
    r"""(?P<ws>\s+)|(?P<cm>--[^\n]*|/\*.*?\*/)|(?P<str>'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|"[^"\\]*(?:(?:\\.|"")[^"\\]*)*")|(?P<bt>`(?:[^`]|``)*`)|(?P<id>[A-Za-z_][A-Za-z0-9_]*)|(?P<num>\d[\w.]*)|(?P<op>.)""",
    re.S | re.X,
)


def lex(sql):
    return [[m.lastgroup, m.group()] for m in TOK.finditer(sql)]


def strip_comments(sql):
    return "".join(" " if k == "cm" else v for k, v in lex(sql)).strip().rstrip(";").strip()


def unq(v):
    v = v.strip()
    return v[1:-1].replace("``", "`") if v.startswith("`") else v


def unstr(v):
    return re.sub(r"\\(.)", r"\1", v[1:-1]).replace("''", "'")


NAME = r"(?:`(?:[^`]|``)+`|\w+)(?:\s*\.\s*(?:`(?:[^`]|``)+`|\w+))*"


def split_name(n):
    return [unq(x) for x in re.findall(r"`(?:[^`]|``)+`|\w+", n)]


CTX2 = {"SCHEMA", "DATABASE", "IN", "FROM", "USE", "EXISTS"}


def rewrite(sql, catalogs, vol_root, is_view, force_catalog="spark_catalog"):
    """three-level names, information_schema, /Volumes paths, current_catalog(). is_view(name)->temp view name."""
    toks, out, i, prev = lex(sql), [], 0, ""
    n = len(toks)
    while i < n:
        k, v = toks[i]
        if k in ("id", "bt"):
            # collect dotted chain
            parts, j, end = [i], i + 1, i + 1
            while True:
                a = j
                while a < n and toks[a][0] in ("ws",):
                    a += 1
                if a < n and toks[a][1] == ".":
                    b = a + 1
                    while b < n and toks[b][0] == "ws":
                        b += 1
                    if b < n and toks[b][0] in ("id", "bt"):
                        parts.append(b)
                        j = end = b + 1
                        continue
                break
            names = [unq(toks[p][1]) for p in parts]
            low = [x.lower() for x in names]
            if (
                len(low) >= 3
                and low[1] == "information_schema"
                and (low[0] in catalogs or low[0] == "system")
            ):
                out.append(is_view(low[2]))
                i = parts[2] + 1
            elif len(low) >= 2 and low[0] == "information_schema":
                out.append(is_view(low[1]))
                i = parts[1] + 1
            elif low[0] in catalogs and (len(low) >= 3 or (len(low) == 2 and prev in CTX2)):
                out.append(force_catalog)
                i += 1
            elif low == ["current_catalog"] and re.match(
                r"\s*\(\s*\)", "".join(t[1] for t in toks[end : end + 4])
            ):
                out.append("'%s'" % catalogs[0])
                i = end
                while toks[i][1] != ")":
                    i += 1
                i += 1
            else:
                if k == "bt" and len(low) == 1 and re.match(r"`(dbfs:)?/Volumes/", v):
                    v = "`" + vol_root + v[1:].replace("dbfs:", "")
                out.append(v)
                i += 1
                # emit the remaining parts untouched
                while i < end:
                    w = toks[i][1]
                    if toks[i][0] == "bt" and re.match(r"`(dbfs:)?/Volumes/", w):
                        w = "`" + vol_root + w[1:].replace("dbfs:", "")
                    out.append(w)
                    i += 1
            prev = low[-1].upper()
            continue
        if k == "str" and re.match(r"['\"](dbfs:)?/Volumes/", v):
            v = v[0] + vol_root + v[1:].replace("dbfs:", "", 1)
        out.append(v)
        if k not in ("ws", "cm"):
            prev = v.upper()
        i += 1
    return "".join(out)


def split_top(s):
    """split on commas at depth 0, respecting quotes"""
    res, cur, d = [], "", 0
    for k, v in lex(s):
        if k == "op":
            if v in "(<":
                d += 1
            elif v in ")>":
                d -= 1
            elif v == "," and d == 0:
                res.append(cur)
                cur = ""
                continue
        cur += v
    if cur.strip():
        res.append(cur)
    return res


CREATE = re.compile(
    r"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:EXTERNAL\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(%s)\s*\(" % NAME,
    re.I,
)
COLS = r"\(([^)]*)\)"
PKRE = re.compile(r"(?:CONSTRAINT\s+(`[^`]+`|\w+)\s+)?PRIMARY\s+KEY\s*" + COLS, re.I)
FKRE = re.compile(
    r"(?:CONSTRAINT\s+(`[^`]+`|\w+)\s+)?FOREIGN\s+KEY\s*%s\s*REFERENCES\s+(%s)\s*(?:%s)?"
    % (COLS, NAME, COLS),
    re.I,
)
CPK = re.compile(
    r"\s+(?:CONSTRAINT\s+(`[^`]+`|\w+)\s+)?PRIMARY\s+KEY\b(?:\s+(?:NOT\s+ENFORCED|RELY|NORELY|DEFERRABLE|INITIALLY\s+DEFERRED))*",
    re.I,
)


def cols(s):
    return [unq(re.sub(r"\s+TIMESERIES$", "", c.strip(), flags=re.I)) for c in s.split(",") if c.strip()]


def parse_constraint(txt, table):
    m = FKRE.match(txt.strip())
    if m:
        return dict(
            type="FOREIGN KEY",
            name=unq(m[1]) if m[1] else table + "_fk_" + "_".join(cols(m[2])),
            cols=cols(m[2]),
            ref=split_name(m[3]),
            ref_cols=cols(m[4]) if m[4] else None,
        )
    m = PKRE.match(txt.strip())
    if m:
        return dict(type="PRIMARY KEY", name=unq(m[1]) if m[1] else table + "_pk", cols=cols(m[2]))


def extract_constraints(sql):
    """CREATE TABLE (...) -> (sql without PK/FK, table name parts, [constraints])"""
    m = CREATE.match(sql)
    if not m:
        return sql, None, []
    name = split_name(m[1])
    start = m.end()
    d, pos = 1, start
    for k, v in lex(sql[start:]):
        if k == "op" and v == "(":
            d += 1
        elif k == "op" and v == ")":
            d -= 1
            if d == 0:
                break
        pos += len(v)
    keep, cons = [], []
    for item in split_top(sql[start:pos]):
        c = parse_constraint(item, name[-1])
        if c:
            cons.append(c)
            continue
        m2 = CPK.search(item)
        if m2:
            cons.append(
                dict(
                    type="PRIMARY KEY",
                    name=unq(m2[1]) if m2[1] else name[-1] + "_pk",
                    cols=[split_name(item)[0]],
                )
            )
            item = item[: m2.start()] + item[m2.end() :]
        keep.append(item)
    if not cons:
        return sql, name, []
    return sql[:start] + ",".join(keep) + sql[pos:], name, cons


def options(s):
    return {
        unstr(k): unstr(v) if v[0] in "'\"" else v
        for k, v in re.findall(
            r"""('(?:[^'])*'|"(?:[^"])*")\s*=\s*('(?:[^'\\]|\\.)*'|"(?:[^"])*"|\w+)""", s or ""
        )
    }


def compound(sql):
    """BEGIN s1; s2; END -> [s1, s2]; None for any other statement. No nesting, no declarations."""
    m = re.match(r"(?is)^BEGIN\s+(?!TRANSACTION\b)(.*)\bEND$", sql)
    if not m:
        return None
    out, cur = [], ""
    for k, v in lex(m[1]):
        if k == "op" and v == ";":
            out.append(cur.strip())
            cur = ""
        else:
            cur += v
    out.append(cur.strip())
    return [x for x in out if x]
