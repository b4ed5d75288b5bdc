"""A job's task or a notebook on Databricks, as far as one can be had here: its Spark session is a real one, with Delta, and
takes Databricks' statements by the stand-in's rewriting. Arguments: `task FILE ARGUMENTS...`, `notebook FILE`, or
`serve FOLDER`, which serves the session by the program in the folder and says where, until stdin ends."""

import json
import os
import runpy
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "server"))
import session as standin  # noqa: E402
from spark_start import start_spark  # noqa: E402
from sql_error import to_sql_error  # noqa: E402


class Session:
    """What a load uses of a SparkSession."""

    def __init__(self, root):
        self.root = root
        self.inner = standin.Session(root)
        self.conf = self.inner.spark.conf

    def newSession(self):
        return Session(self.root)

    def sql(self, text):
        try:
            table = self.inner.execute(text)
        except Exception as error:
            raise to_sql_error(error) from None
        spark = self.inner.spark
        return spark.range(0).drop("id") if table is None else spark.createDataFrame(table)

    @property
    def sparkContext(self):
        return self.inner.spark.sparkContext


class Widgets:
    def text(self, name, value):
        setattr(self, "_" + name, value)

    def get(self, name):
        return getattr(self, "_" + name)


class Dbutils:
    widgets = Widgets()


for folder in ("/wh", "/vol/Volumes", "/scratch"):
    os.makedirs(os.environ["DBX_ROOT"] + folder, exist_ok=True)
spark = Session(start_spark(fast=True))
kind, file, *arguments = sys.argv[1:]
if kind == "serve":
    sys.path.insert(0, file)
    import spark_session

    with spark_session.served(spark) as served:
        print(json.dumps(served), flush=True)
        sys.stdin.read()
elif kind == "notebook":
    runpy.run_path(file, init_globals={"spark": spark, "dbutils": Dbutils})
else:
    from pyspark.sql import SparkSession

    SparkSession.Builder.getOrCreate = lambda self: spark
    sys.argv = [file, *arguments]
    runpy.run_path(file, run_name="__main__")
sys.stdout.write("\nwhat stands there\n")
for query in filter(None, os.environ.get("LOOK", "").split(";")):
    for row in spark.sql(query).collect():
        print(query, "|", *row, flush=True)
