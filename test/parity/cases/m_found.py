"""Section m: differences that random documents showed (test/parity/random), made small and since then alike."""
import glob
import json
import os

from build import CASES

for path in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "found", "*.json"))):
    with open(path) as file:
        one = json.load(file)
    CASES[one["name"]] = one
