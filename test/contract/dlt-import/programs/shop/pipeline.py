"""A REST API with authorization, pages, a cursor and a child."""
import dlt
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

VERSION = "v" + "1"
HINTS = {"primary_key": "id", "write_disposition": "merge"}

config: RESTAPIConfig = {
    "client": {
        "base_url": "http://127.0.0.1:9/",
        "auth": BearerTokenAuth(token="none"),
        "headers": {"Accept-Language": "en"},
        "paginator": JSONLinkPaginator(next_url_path="next"),
    },
    "resource_defaults": {**HINTS},
    "resources": [
        {
            "name": "orders",
            "endpoint": {
                "path": f"{VERSION}/orders",
                "data_selector": "items",
                "params": {
                    "limit": 2,
                    "since": dlt.sources.incremental("updated_at", initial_value="2026-01-01"),
                },
            },
        },
        {
            "name": "notes",
            "include_from_parent": ["id"],
            "endpoint": {"path": "v1/orders/{resources.orders.id}/notes", "paginator": "single_page"},
        },
    ],
}


def load_shop():
    pipeline = dlt.pipeline(pipeline_name="shop", destination="duckdb", dataset_name="shop_data")
    source = rest_api_source(config, name="shop", max_table_nesting=2)
    source.notes.apply_hints(table_name="order_notes")
    print(pipeline.run(source, write_disposition="append"))


if __name__ == "__main__":
    load_shop()
