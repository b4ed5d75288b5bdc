"""DELETE and UPDATE with a subquery: Databricks allows one level, open-source Delta none."""

import re
import sqlrewrite as R
from handlers import N, on
from results import one
from sql_error import SqlError


def has_sub(s):
    return (
        re.search(r"\bSELECT\b", "".join(v for k, v in R.lex(s) if k not in ("str", "bt")), re.I) is not None
    )


def sub_depth(s):
    """deepest nesting of SELECT inside parentheses"""
    st, best = [], 0
    toks = [x for x in R.lex(s) if x[0] not in ("ws", "cm")]
    for i, (k, v) in enumerate(toks):
        if v == "(":
            st.append(i + 1 < len(toks) and toks[i + 1][1].upper() in ("SELECT", "WITH"))
            best = max(best, sum(st))
        elif v == ")" and st:
            st.pop()
    return best


def split_where(s):
    """'... WHERE cond' -> (before, cond) at parenthesis depth 0"""
    d, pos = 0, 0
    for k, v in R.lex(s):
        if v == "(":
            d += 1
        elif v == ")":
            d -= 1
        elif k == "id" and d == 0 and v.upper() == "WHERE":
            return s[:pos].strip(), s[pos + len(v) :].strip()
        pos += len(v)
    return s.strip(), None


def dml_with_subquery(S, op, table, alias, cond, sets, p):
    """Databricks allows (un-nested) subqueries in the condition of DELETE and UPDATE, OSS Delta does not: the same effect with MERGE.
    The condition is a function of the row, so rows equal in all columns are hit together."""
    if sub_depth(cond) > 1:
        raise SqlError(
            "[DELTA_NESTED_SUBQUERY_NOT_SUPPORTED] Nested subquery is not supported in the %s condition. SQLSTATE: 0A000"
            % op,
            "0A000",
            "DELTA_NESTED_SUBQUERY_NOT_SUPPORTED",
        )
    k = S.full(R.split_name(table))
    a = alias or "`__tgt`"
    cs = [
        f.name
        for f in S.spark.table(S.q(k)).schema.fields
        if type(f.dataType).__name__ not in ("MapType", "VariantType")
    ]
    src = (
        "SELECT DISTINCT %s FROM %s AS %s WHERE %s"
        % (", ".join("%s.`%s` AS `__k%d`" % (a, c, i) for i, c in enumerate(cs)), table, a, cond)
        if alias
        else "SELECT DISTINCT %s FROM %s WHERE %s"
        % (", ".join("`%s` AS `__k%d`" % (c, i) for i, c in enumerate(cs)), table, cond)
    )
    r = S.run(
        "MERGE INTO %s AS %s USING (%s) AS `__src` ON %s WHEN MATCHED THEN %s"
        % (
            table,
            a,
            src,
            " AND ".join("%s.`%s` <=> `__src`.`__k%d`" % (a, c, i) for i, c in enumerate(cs)),
            "DELETE" if op == "DELETE" else "UPDATE SET " + sets,
        ),
        p,
    )
    return one(num_affected_rows=r.column("num_affected_rows")[0].as_py())


@on(r"^DELETE\s+FROM\s+(%s)(?:\s+(?:AS\s+)?(?!WHERE\b)(`[^`]+`|\w+))?\s+WHERE\s+(.*)$" % N)
def _del(S, m, s, p):
    if not has_sub(m[3]):
        return NotImplemented
    return dml_with_subquery(S, "DELETE", m[1], m[2], m[3], None, p)


@on(r"^UPDATE\s+(%s)(?:\s+(?:AS\s+)?(?!SET\b)(`[^`]+`|\w+))?\s+SET\s+(.*)$" % N)
def _upd(S, m, s, p):
    sets, cond = split_where(m[3])
    if cond is None or not has_sub(cond):
        return NotImplemented
    return dml_with_subquery(S, "UPDATE", m[1], m[2], cond, sets, p)
