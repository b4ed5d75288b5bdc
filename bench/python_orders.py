"""
Nested rows out of a Python generator: a dlt program. As a script it loads them by dlt alone, and prints one line of JSON.
BENCH_ROWS and BENCH_PAGE (rows per yield) come from the environment.
"""

import json
import os
import resource
import sys

import dlt

CITIES = ["Gdańsk", "Lisbon", "Oslo", "São Paulo", "Kyoto", "Nairobi", "Quito", "Turin"]


def document(i):
    seed = (i * 2654435761) & 0xFFFFFFFF
    return {
        "id": i,
        "order_no": "ORD-%08d" % i,
        "placed_at": "2026-0%d-%02dT%02d:15:30.125Z" % (1 + i % 9, 1 + seed % 28, i % 24),
        "status": ("open", "paid", "shipped", "returned")[seed % 4],
        "total": seed % 1_000_000 / 100 + 0.005,
        "priority": seed % 10,
        "gift": seed % 5 == 0,
        "note": None if seed % 3 == 0 else "note %x" % seed,
        "customer": {"id": seed % 50_000, "name": "Customer %d" % (seed % 50_000), "city": CITIES[seed % 8]},
        "lines": [
            {"sku": "SKU-%d" % ((seed >> j) % 5_000), "qty": 1 + j, "price": (seed >> j) % 10_000 / 100 + 0.001}
            for j in range(1 + seed % 5)
        ],
    }


@dlt.resource(primary_key="id", write_disposition="merge")
def orders():
    count, page = int(os.environ["BENCH_ROWS"]), int(os.environ["BENCH_PAGE"])
    for first in range(0, count, page):
        yield [document(i) for i in range(first, min(first + page, count))]


@dlt.source(name="bench")
def bench():
    return orders


if __name__ == "__main__":
    duckdb_path, pipelines_dir = sys.argv[1:3]
    pipeline = dlt.pipeline(
        "bench_orders", pipelines_dir=pipelines_dir, destination=dlt.destinations.duckdb(duckdb_path), dataset_name="bench"
    )
    pipeline.run(bench(), loader_file_format="parquet")
    steps = {one.step: (one.finished_at - one.started_at).total_seconds() for one in pipeline.last_trace.steps}
    print(json.dumps({"kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "steps": steps}))
