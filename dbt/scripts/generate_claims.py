"""Writes seeds/claims_sample_synthetic.csv, the DuckDB lane's stand-in for Databricks' claims sample.

Deterministic: the same bytes on every machine and Python version (only random.random() is drawn from, whose sequence
is fixed by its seed). Figures: 600 claims, 220 members, about 1,500 service lines, of these about 45 % without money
and about 2 % reversals. Names no person; every value is made up.

    python scripts/generate_claims.py [OUTPUT]
"""

import csv
import random
import sys
from datetime import date, timedelta
from pathlib import Path

CLAIMS = 600
MEMBERS = 220
COLUMNS = [
    "claim_id",
    "hvid",
    "service_line_number",
    "claim_type",
    "date_service",
    "payer_type",
    "diagnosis_code",
    "procedure_code",
    "revenue_code",
    "patient_gender",
    "patient_year_of_birth",
    "patient_state",
    "patient_zip3",
    "line_charge",
    "line_allowed",
    "prov_billing_npi",
    "prov_rendering_npi",
]
PAYERS = ["COMMERCIAL", "Commercial", "MEDICAID", "MEDICARE", "Medicare", "MEDICARE SUPPLEMENT", "UNSPECIFIED", ""]
STATES = [("CA", "900"), ("TX", "750"), ("NY", "100"), ("FL", "331"), ("IL", "606"), ("OH", "432"), ("", "")]
DIAGNOSES = ["E11.9", "I10", "J45.909", "M54.5", "Z00.00", "F41.1", "K21.9", "N39.0", ""]
PROCEDURES = ["99213", "99214", "80053", "85025", "93000", "36415", "71046", ""]
REVENUE_CODES = ["0300", "0320", "0450", "0636", "0250"]


class Draw:
    """Draws built on random.random() alone: the other methods of `random` changed between Python versions."""

    def __init__(self, seed):
        self.source = random.Random(seed)

    def below(self, limit):
        return int(self.source.random() * limit)

    def one_of(self, values):
        return values[self.below(len(values))]

    def chance(self, share):
        return self.source.random() < share


def money(cents):
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def members(draw):
    for number in range(MEMBERS):
        state, zip3 = draw.one_of(STATES)
        yield {
            "hvid": f"hv{number + 1:06d}",
            "payer_type": draw.one_of(PAYERS),
            "patient_gender": draw.one_of(["F", "M", "U"]),
            "patient_year_of_birth": str(1930 + draw.below(90)),
            "patient_state": state,
            "patient_zip3": zip3,
        }


def lines_of(claim, member, draw):
    claim_type = "P" if draw.chance(0.72) else "I" if draw.chance(0.93) else ""
    first_day = date(2023, 1, 1) + timedelta(days=draw.below(700))
    billing = f"1{100000000 + draw.below(60):09d}"
    for line in range(1 + draw.below(4)):
        charge = ""
        allowed = ""
        if not draw.chance(0.45):
            cents = 2500 + draw.below(60000)
            share = 40 + draw.below(55)
            if draw.chance(0.036):
                cents = -cents
            charge = money(cents)
            allowed = money(cents * share // 100)
        yield {
            **member,
            "claim_id": f"clm{claim + 1:06d}",
            "service_line_number": str(line + 1),
            "claim_type": claim_type,
            "date_service": (first_day + timedelta(days=draw.below(5))).isoformat(),
            "diagnosis_code": draw.one_of(DIAGNOSES),
            "procedure_code": draw.one_of(PROCEDURES),
            "revenue_code": draw.one_of(REVENUE_CODES) if claim_type == "I" else "",
            "line_charge": charge,
            "line_allowed": allowed,
            "prov_billing_npi": billing,
            "prov_rendering_npi": f"1{200000000 + draw.below(150):09d}" if draw.chance(0.8) else "",
        }


def rows():
    draw = Draw(23)
    people = list(members(draw))
    for claim in range(CLAIMS):
        # The first claims go round all members, so that every member has one.
        member = people[claim] if claim < MEMBERS else draw.one_of(people)
        yield from lines_of(claim, member, draw)


def main(output):
    with open(output, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows())


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "seeds" / "claims_sample_synthetic.csv"
    main(sys.argv[1] if len(sys.argv) > 1 else default)
