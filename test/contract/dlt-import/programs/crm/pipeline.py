import os

import dlt
from dlt.sources.rest_api import rest_api_resources

os.environ.get("HOME")


@dlt.source(name="crm", max_table_nesting=1, root_key=True)
def crm_source(page: int = 10, base_url: str = "http://127.0.0.1:9/"):
    yield from rest_api_resources({
        "client": {"base_url": base_url, "paginator": "single_page"},
        "resources": [
            {"name": "people", "endpoint": {"path": "people", "params": {"page": page}}},
            {"name": "deals", "endpoint": "deals", "write_disposition": "replace"},
        ],
    })


pipeline = dlt.pipeline("crm", destination="duckdb")

if __name__ == "__main__":
    pipeline.run(crm_source(page=20).with_resources("people"), write_disposition="replace")
