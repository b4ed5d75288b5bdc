"""The same load by dlt: python dlt_orders.py BASE_URL DUCKDB_PATH PIPELINES_DIR PAGE_SIZE -> peak memory in KB on stdout."""

import resource
import sys

import dlt
from dlt.sources.rest_api import rest_api_source

base_url, duckdb_path, pipelines_dir, _ = sys.argv[1:5]
source = rest_api_source(
    {
        "client": {"base_url": base_url},
        "resources": [
            {
                "name": "orders",
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {
                    "path": "orders",
                    "data_selector": "data",
                    "paginator": {"type": "page_number", "base_page": 0, "total_path": None},
                },
            }
        ],
    },
    name="bench",
)
pipeline = dlt.pipeline(
    "bench_orders",
    pipelines_dir=pipelines_dir,
    destination=dlt.destinations.duckdb(duckdb_path),
    dataset_name="bench",
)
pipeline.run(source, loader_file_format="parquet")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
