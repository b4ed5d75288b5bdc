"""The tables of a schema as they lie on disk, kept and put back between tests."""

import os
import shutil
from settings import LAB


class TableFiles:
    def __init__(self, spark):
        self.spark = spark

    def folders(self, schema):
        return LAB + "/wh/" + schema + ".db", LAB + "/kept/" + schema

    def keep(self, schema):
        live, kept = self.folders(schema)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(live, kept)

    def put_back(self, schema):
        live, kept = self.folders(schema)
        for table in os.listdir(live):
            shutil.rmtree(os.path.join(live, table))
        shutil.copytree(kept, live, dirs_exist_ok=True)
        # Delta remembers the newest version of every table
        self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
