/** A spec for each type of source, and a destination of each type: for the reference page. A test checks them. */

export const SOURCE_EXAMPLES: { [type: string]: string } = {
  rest_api: `pipeline_name: issues
source:
  type: rest_api
  client:
    base_url: https://api.example.com/v1/
    auth: { type: bearer, token: { env: EXAMPLE_TOKEN } }
    paginator: { type: page_number, base_page: 1, total_path: pages }
  resource_defaults: { primary_key: id, write_disposition: merge }
  resources:
    - projects
    - name: issues
      endpoint:
        path: issues
        params: { since: "{incremental.start_value}" }
        incremental: { cursor_path: updated_at, initial_value: "2026-01-01T00:00:00Z" }
    - name: comments
      endpoint: issues/{resources.issues.id}/comments
      include_from_parent: [id]`,
  sql_database: `pipeline_name: shop
source:
  type: sql_database
  credentials: { env: SHOP_DSN }
  schema: public
  table_names: [customers, orders]
  resources:
    - name: orders
      write_disposition: merge
      incremental: { cursor_path: updated_at, initial_value: "2026-01-01T00:00:00Z" }`,
  sql_table: `pipeline_name: orders
source:
  type: sql_table
  credentials: { env: SHOP_DSN }
  table: orders
  excluded_columns: [note]
  write_disposition: replace`,
  postgres: `pipeline_name: totals
source:
  type: postgres
  credentials: { env: SHOP_DSN }
  resources:
    - name: totals
      query: SELECT day, sum(amount) AS amount FROM orders WHERE day >= :start_value GROUP BY day
      primary_key: day
      write_disposition: merge
      incremental: { cursor_path: day, initial_value: "2026-01-01" }`,
  code: `pipeline_name: events
source:
  type: code
  module: ./events.ts
  resources:
    - { name: events, primary_key: id, write_disposition: merge, args: { region: eu } }`,
  dlt: `pipeline_name: github
source:
  type: dlt
  module: github_source
  source: github_reactions
  args: { owner: dlt-hub }
  settings: { sources.github.access_token: { env: GITHUB_TOKEN } }`,
};

export const DESTINATION_EXAMPLES: { [type: string]: string } = {
  duckdb: "destination: { type: duckdb, path: data/shop.duckdb, memory_limit: 2GB }",
  databricks: `destination:
  type: databricks
  server_hostname: adb-1234567890123456.7.azuredatabricks.net
  http_path: /sql/1.0/warehouses/abc
  catalog: main
  access_token: { env: DATABRICKS_TOKEN }`,
  postgres: "destination: { type: postgres, credentials: { env: WAREHOUSE_DSN } }",
};
