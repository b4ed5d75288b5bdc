"""Random JSON documents: a shape is drawn per resource (keys and the kinds of their values), then documents of that
shape, with nulls, gaps, evolution and values of other kinds. All choices come from the generator handed in."""
import json
import string

PLAIN_KEYS = ["id2", "name", "value", "items", "list", "order", "select", "amount", "status", "tags", "lines", "meta",
              "data", "count", "flag", "price", "note", "address", "city", "kind"]
# Keys that the naming rules change, join, or let collide with each other. `__` alone fails normalize: kept for its
# own rare draw, as it hides everything else of a run.
AWKWARD_KEYS = ["camelCase", "CamelCase", "camel_case", "HTTPServerID", "userIDs", "IDs", "A1B2", "iPhone15Pro", "1st",
                "42", "a+b", "axb", "@id", "a|b", "a.b", "a-b", "a_b", "a__b", "a___b", "a__", "__a", "_x", "end_",
                "x__y", "100%", "Ünï", "é", "日本", "-", "$ref", "ключ", "a٣b", "with space", " lead", "trail ",
                "tab\tkey", "new\nline", "quo\"te", "back\\slash", "semi;colon", "it's", "ABC1def", "getHTTP2Response",
                "_dlt_x", "", " ", "___", "Value", "VALUE", "emoji😀", "nul l", "a__B__c", "list__list", "null", "true",
                "snake_case_", "MixedUp_Case", "x1_", "ÀB", "ID", "Id", "iD", "l__value",
                "this_is_a_rather_long_key_that_goes_on_and_on_until_nobody_wants_to_read_it_any_more_" + "x" * 40]
TEXTS = ["a\0b", "\0", "NaN", "inf", "-Infinity",
         "", " ", "x", "plain text", "Gdańsk", "日本語", "😀 smile", "quote ' and \"", "back\\slash", "tab\tnew\nline", "\u2028",
         "\u007f", "\u0001", "0", "true", "True", "null", "1e5", "0x1F", "E'x'", "a;b", "$1", "%s", "{}", "[1]",
         "--", "/* x */", "é", "e\u0301", "\ufeffbom", "\ue026tagged", "x" * 300]
NUMBER_TEXTS = ["5", " 7 ", "-3", "2.5", "1e3", "0x10", "007", "+4", "1_000", "9223372036854775807", "1.0", ".5", "-0"]
TIMES = ["2024-03-10T12:34:56Z", "2024-03-10 12:34:56", "2024-03-10T12", "2024-03-10T12:34", "20240310T123456Z",
         "2024-03-10T12:34:56.1+0100", "2024-03-10T12:34:56.123456789Z", "2024-02-29T23:59:59.999999+02:30",
         "1969-12-31T23:59:59Z", "1900-01-01T00:00:00Z", "2024-03-10T12:34:56-0500", "2024-W10-7T10:00:00Z",
         "2024-069T01:02:03Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-03-10T12:34:56.123"]
NEAR_TIMES = ["2024-03-10", "2024", "20240310", "2024/03/10", "12:34:56", "P1D", "2024-03-10t12:34:56z",
              "2024-03-10T24:00:00Z", " 2024-03-10T12:34:56Z", "2024-02-30T00:00:00Z", "2024-3-1T00:00:00",
              "1710072000", "2024-03-10T12:34:60Z", "2024-03-10T12:34:56Z ", "2024-13-01T00:00:00Z", "2024-03-10T",
              "2024-03-10T12:34:56.Z", "2024-03-10T12:34:56+25:00", "2024-03-10T12:34:56 UTC", "10.03.2024 12:00"]
FLOATS = ["1.0", "0.0", "-0.0", "100.0", "2.5", "-1.5", "0.1", "1e2", "1E5", "1e15", "1e16", "1e22", "1.5e300", "1e-5",
          "1.234e-5", "1e-7", "123456789.125", "0.30000000000000004", "5e-324", "1.7976931348623157e308", "3.0",
          "9007199254740993.0", "1e21", "12345678901234567.5", "-2.50", "4.35", "1e-10"]
BIG = [2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 10**18, 2**31, -(2**31) - 1, 9007199254740993]


class Number(str):
    """A number as it is written in the document: `1.0`, `1E5` and `1.50` have to stay apart from `1`."""


def text_of(value):
    """JSON text; orders of keys and forms of numbers are kept."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{text_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


SCALARS = ("int", "small", "big", "float", "bool", "text", "number_text", "time", "near_time")
# Values of these kinds always find a place (the column's own, or one variant), whatever came before.
CALM = {"int": ("float", "text", "number_text", "bool"), "small": ("float", "text", "bool"), "big": ("text", "float"),
        "float": ("int", "text", "number_text", "bool"), "bool": ("text", "int", "float"),
        "text": ("int", "float", "bool", "time", "big"), "number_text": ("int", "float", "bool"),
        "time": ("bool", "text"), "near_time": ("int", "time", "bool")}


def scalar(rng, kind):
    if kind == "int":
        return rng.randint(-1000, 100000)
    if kind == "small":
        return rng.randint(0, 5)
    if kind == "big":
        return rng.choice(BIG)
    if kind == "float":
        return Number(rng.choice(FLOATS)) if rng.random() < 0.7 else Number(repr(rng.uniform(-1e6, 1e6)))
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "text":
        return rng.choice(TEXTS) if rng.random() < 0.7 else "".join(rng.choices(string.ascii_letters + " _'é", k=9))
    if kind == "number_text":
        return rng.choice(NUMBER_TEXTS)
    if kind == "time":
        return rng.choice(TIMES)
    return rng.choice(NEAR_TIMES)


class Slot:
    """A key of a shape: what stands there, how often it is missing, null or something else."""

    def __init__(self, rng, key, depth, wild):
        self.key = key
        draw = rng.random()
        nested = depth > 0
        if nested and draw < 0.22:
            self.kind, self.inner = "object", shape(rng, depth - 1, rng.randint(1, 4), wild)
        elif nested and draw < 0.36:
            self.kind, self.inner = "objects", shape(rng, depth - 1, rng.randint(1, 4), wild)
        elif nested and draw < 0.45:
            self.kind, self.inner = "scalars", rng.choice(SCALARS)
        elif nested and draw < 0.50:
            self.kind, self.inner = "lists", rng.choice(("int", "text", "float", "time", "big"))
        elif nested and draw < 0.55:
            self.kind, self.inner = "mixed", shape(rng, depth - 1, 2, wild)
        elif draw < 0.57:
            self.kind, self.inner = "empty", None
        else:
            self.kind, self.inner = rng.choice(SCALARS), None
        self.missing = rng.choice((0, 0, 0.1, 0.5))
        self.null = rng.choice((0, 0, 0.1, 0.4))
        self.odd = rng.choice((0, 0, 0.15)) if wild else rng.choice((0, 0, 0, 0, 0.1))
        self.calm = not wild
        self.first = rng.choice((0, 0, 0, 0, 1, 2))         # the phase in which the key appears
        self.also = rng.choice(CALM[self.kind]) if self.kind in CALM else None

    def value(self, rng):
        if rng.random() < self.null:
            return None
        if rng.random() < self.odd:
            return self.odd_value(rng)
        if self.kind in SCALARS:
            return scalar(rng, self.kind)
        if self.kind == "object":
            return document(rng, self.inner)
        size = rng.choice((0, 1, 1, 2, 3))
        if self.kind == "objects":
            return [document(rng, self.inner) for _ in range(size)]
        if self.kind == "scalars":
            return [None if rng.random() < 0.1 else scalar(rng, self.inner) for _ in range(size)]
        if self.kind == "lists":
            return [self.nested_list(rng, rng.choice((1, 1, 1, 2, 3))) for _ in range(size)]
        if self.kind == "mixed":
            return [rng.choice((None, 1, "x", True, Number("1.5"), [1], [], {}, document(rng, self.inner)))
                    for _ in range(size)]
        return rng.choice(([], {}, None, [None], [[]], [{}], {"h": {}}))

    def nested_list(self, rng, depth):
        if depth > 1:
            return [self.nested_list(rng, depth - 1) for _ in range(rng.randint(0, 2))]
        return [scalar(rng, self.inner) for _ in range(rng.randint(0, 2))]

    def odd_value(self, rng):
        if self.calm:
            # One other kind per key: a second one could find the variant column taken, and fail.
            return scalar(rng, self.also) if self.also else rng.choice(([], {}, None))
        return rng.choice((lambda: scalar(rng, rng.choice(SCALARS)), lambda: [scalar(rng, "int")],
                           lambda: {"k": scalar(rng, "text")}, lambda: [], lambda: {}))()


def shape(rng, depth, size, wild=False):
    keys = [rng.choice(AWKWARD_KEYS) if rng.random() < 0.3 else rng.choice(PLAIN_KEYS) for _ in range(size)]
    return [Slot(rng, key, depth, wild) for key in dict.fromkeys(keys)]


def document(rng, slots, phase=99):
    slots = [s for s in slots if s.first <= phase]
    if rng.random() < 0.2:
        slots = rng.sample(slots, len(slots))
    return {s.key: s.value(rng) for s in slots if rng.random() >= s.missing}
