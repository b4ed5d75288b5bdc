"""The one Spark with Delta that all sessions share."""

import glob
import logging
import os
import re
from pyspark.sql import SparkSession
from settings import HERE, LAB

logging.getLogger("SQLQueryContextLogger").disabled = True


def start_spark(mem="2g", jars=None, fast=True):
    jars = jars or os.environ.get("DBX_JARS") or os.path.join(HERE, "jars")
    js = ":".join(
        sorted(p for p in glob.glob(jars + "/*.jar") if re.search(r"/delta-(spark|storage|kernel)", p))
    )
    java = os.environ.get("DBX_JAVA", "-XX:+UseSerialGC") + " -Xss4m -Duser.timezone=UTC"
    if os.environ.get("DBX_CDS"):
        java += " " + os.environ["DBX_CDS"]
    b = SparkSession.builder.master("local[2]").appName("dbx-standin")
    for k, v in {
        "spark.driver.extraClassPath": js,
        "spark.driver.memory": mem,
        "spark.driver.extraJavaOptions": java,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": LAB + "/wh",
        "spark.local.dir": LAB + "/scratch",
        "spark.ui.enabled": "false",
        # kept for a UI that is off: plans of thousands of statements filled the heap
        "spark.ui.retainedJobs": "10",
        "spark.ui.retainedStages": "10",
        "spark.ui.retainedTasks": "100",
        "spark.sql.ui.retainedExecutions": "1",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.default.parallelism": "2",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
        "spark.sql.sources.default": "delta",
        "spark.sql.legacy.keepCommandOutputSchema": "true",  # databaseName / database as on Databricks
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.variable.substitute": "false",
        "spark.sql.adaptive.enabled": "false" if fast else "true",
        # a handful of rows is read faster by Spark's interpreter than code for it is made (measured: a quarter off)
        "spark.sql.codegen.wholeStage": "false" if fast else "true",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN" if fast else "FALLBACK",
        "spark.databricks.delta.schema.autoMerge.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",  # Delta 4.4.0's DeltaSqlParser.parsePlanWithParameters drops Spark 4.2 parameters
    }.items():
        b = b.config(k, v)
    for kv in filter(None, os.environ.get("DBX_CONF", "").split(";")):
        b = b.config(*kv.split("=", 1))
    return b.getOrCreate()


def warm_up(spark):
    """the first statements of Delta compile code: 2-5 s that no test shall pay for"""
    for sql in (
        "create schema if not exists warm",
        "create table warm.w(id bigint)",
        "insert into warm.w values (1)",
        "merge into warm.w t using (select 2 id) s on t.id=s.id when not matched then insert *",
        "drop schema warm cascade",
    ):
        spark.sql(sql).collect()
