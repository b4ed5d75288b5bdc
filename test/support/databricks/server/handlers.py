"""Statements that Spark does not know, or knows otherwise: a pattern and a function each."""

import re
import sqlrewrite as R

N = R.NAME
STRL = r"('[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\")"
HANDLERS = []


def on(pattern):
    """registers a function of session, match, statement and parameters"""

    def register(fn):
        HANDLERS.append((re.compile(pattern, re.I | re.S), fn))
        return fn

    return register


def find(sql):
    """(function, match) of every pattern that matches"""
    for pattern, fn in HANDLERS:
        match = pattern.match(sql)
        if match:
            yield fn, match
