"""Starts Spark, then listens until the starter goes away."""

import os
import sys
import threading
import time
import control
from http_front import H
from listener import Listener
from protocol_log import LOG
from settings import LAB
from spark_start import start_spark, warm_up
from table_files import TableFiles
from thrift_service import processor_of


def end_with_parent():
    """The starter holds our stdin: when it dies, however it dies, the server goes too."""
    sys.stdin.read()
    os._exit(0)


def main():
    started = time.time()
    threading.Thread(target=end_with_parent, daemon=True).start()
    for folder in ("/wh", "/vol/Volumes", "/scratch"):
        os.makedirs(LAB + folder, exist_ok=True)
    spark = start_spark(os.environ.get("DBX_MEM", "2g"), fast=os.environ.get("DBX_FAST", "1") == "1")
    if os.environ.get("DBX_WARM"):
        warm_up(spark)
    H.proc = processor_of(spark)
    listener = Listener(int(os.environ.get("DBX_PORT", "0")), H)
    listener.start()
    control_port = control.serve(listener, TableFiles(spark))
    LOG.write(t0=time.time(), ready=listener.port)
    print("ready %.1fs on %d control %d" % (time.time() - started, listener.port, control_port), flush=True)
    threading.Event().wait()


main()
