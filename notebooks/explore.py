# Databricks notebook source
# MAGIC %md
# MAGIC # What was loaded, and what dbt made of it
# MAGIC
# MAGIC Needs no configuration: attach it to any compute and run all cells. Catalog and schemas are the widgets above
# MAGIC (or the variables `DATABRICKS_CATALOG`, `DLT_DATASET_NAME`, `DATABRICKS_SCHEMA`). Everything here only reads.
# MAGIC
# MAGIC Outside Databricks, `python notebooks/explore.py` reads the warehouse that `DATABRICKS_HOST` names (with
# MAGIC `DATABRICKS_HTTP_PATH` or `DATABRICKS_WAREHOUSE_ID`, and a token or a service principal), else the DuckDB file of
# MAGIC this project.

# COMMAND ----------

import os

IN_WORKSPACE = "spark" in globals()


def setting(name, default):
    value = os.environ.get(name) or default
    if not IN_WORKSPACE:
        return value
    dbutils.widgets.text(name, value)  # noqa: F821
    return dbutils.widgets.get(name)  # noqa: F821


CATALOG = setting("DATABRICKS_CATALOG", "workspace")
RAW = setting("DLT_DATASET_NAME", "raw")
ANALYTICS = setting("DATABRICKS_SCHEMA", "analytics")


def login(host):
    """A personal access token, else a service principal."""
    if os.environ.get("DATABRICKS_TOKEN"):
        return {"access_token": os.environ["DATABRICKS_TOKEN"]}
    from databricks.sdk.core import Config, oauth_service_principal

    names = {"client_id": "DATABRICKS_CLIENT_ID", "client_secret": "DATABRICKS_CLIENT_SECRET"}
    config = Config(host=f"https://{host}", **{key: os.environ[name] for key, name in names.items()})
    return {"credentials_provider": lambda: oauth_service_principal(config)}


def connect():
    """A function from a query to (names of columns, rows)."""
    if os.environ.get("DATABRICKS_HOST"):
        from databricks import sql

        host, _, port = os.environ["DATABRICKS_HOST"].removeprefix("https://").rstrip("/").partition(":")
        cursor = sql.connect(
            server_hostname=host,
            _port=int(port or 443),
            http_path=os.environ.get("DATABRICKS_HTTP_PATH")
            or f"/sql/1.0/warehouses/{os.environ['DATABRICKS_WAREHOUSE_ID']}",
            **login(host),
            _tls_trusted_ca_file=os.environ.get("DATABRICKS_CA_FILE"),
            catalog=CATALOG,
        ).cursor()
    else:
        import duckdb

        cursor = duckdb.connect(os.environ.get("DUCKDB_PATH") or ".tidemark/tidemark.duckdb", read_only=True)

    def run(query):
        result = cursor.execute(query)
        rows = (result or cursor).fetchall()
        return [column[0] for column in (result or cursor).description], rows

    return run


run = None if IN_WORKSPACE else connect()


def show(title, query):
    """As a table of the notebook, or as lines of text."""
    if IN_WORKSPACE:
        print(title)
        display(spark.sql(query))  # noqa: F821
        return
    names, rows = run(query)
    print(f"\n{title}\n  " + " | ".join(names))
    for row in rows:
        print("  " + " | ".join("" if value is None else str(value) for value in row))


if IN_WORKSPACE:
    spark.sql(f"USE CATALOG `{CATALOG}`")  # noqa: F821

# COMMAND ----------

# MAGIC %md
# MAGIC ## Loads
# MAGIC `_dlt_loads` is the truth about what counts: a package without its row there was never loaded.

# COMMAND ----------

show(
    "The newest loads",
    f"SELECT load_id, schema_name, status, inserted_at FROM {RAW}._dlt_loads ORDER BY load_id DESC LIMIT 10",
)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Raw
# MAGIC Every row names its load, so that a row can be followed back to the run that brought it.

# COMMAND ----------

show(
    "Comments per post",
    f"""SELECT p.id, p.title, count(c.id) AS comments, max(c._dlt_load_id) AS newest_load
        FROM {RAW}.rest_posts p LEFT JOIN {RAW}.rest_comments c ON c.post_id = p.id
        GROUP BY p.id, p.title ORDER BY comments DESC, p.id LIMIT 5""",
)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Marts

# COMMAND ----------

show(
    "Posts with the most comments",
    f"""SELECT post_id, comment_count, distinct_commenters FROM {ANALYTICS}.mart_post_engagement
        ORDER BY comment_count DESC, post_id LIMIT 5""",
)

# COMMAND ----------

show(
    "Claims and money per payer",
    f"""SELECT payer_type, sum(claims) AS claims, sum(total_charge) AS charged, sum(total_allowed) AS allowed,
               round(CAST(sum(total_allowed) AS DOUBLE) / nullif(CAST(sum(total_charge) AS DOUBLE), 0), 4) AS ratio
        FROM {ANALYTICS}.mart_claims_by_payer GROUP BY payer_type ORDER BY claims DESC""",
)

# COMMAND ----------

show(
    "Members with the highest charges",
    f"""SELECT hvid, primary_payer_type, claim_count, total_charge, first_claim_date, last_claim_date
        FROM {ANALYTICS}.mart_member_summary ORDER BY total_charge DESC, hvid LIMIT 5""",
)
