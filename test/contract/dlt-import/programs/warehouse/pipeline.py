import dlt
from dlt.sources.rest_api import rest_api_source

target = dlt.destinations.postgres("postgresql://loader@127.0.0.1:9/db", create_indexes=False)
pipeline = dlt.pipeline(pipeline_name="w", destination=target, dataset_name="raw")
source = rest_api_source({"client": {"base_url": "http://127.0.0.1:9/"}, "resources": ["orders", "people"]}, name="shop")
pipeline.run(source.with_resources("orders"))
