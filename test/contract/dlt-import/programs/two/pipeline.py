import dlt
from dlt.sources.rest_api import rest_api_source

API = "http://127.0.0.1:9/"
PEOPLE = {"name": "people", "endpoint": {"path": "people"}, "primary_key": "id"}


def load_people():
    config = {"client": {"base_url": API}, "resources": [PEOPLE]}
    dlt.pipeline("people", destination="duckdb", dataset_name="x").run(rest_api_source(config))


def load_all():
    config = {"client": {"base_url": API}, "resources": [PEOPLE, {"name": "deals", "table_name": "d"}]}
    source = rest_api_source(config)
    source.people.apply_hints(write_disposition="merge")
    dlt.pipeline("all", destination="duckdb", dataset_name="y").run(source)


if __name__ == "__main__":
    load_people()
    load_all()
