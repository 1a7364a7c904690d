#!/usr/bin/env python3
"""Runs a batch of pcapline on Apache Spark.

usage: spark-submit --master spark://HOST:7077 spark_batch.py --out LAKE --corpus DIR [--config FILE] …

Spark schedules, retries and moves the shards; executors run the same pcapline
binary that one machine runs. The driver plans, each task does one shard
(pcapline shard PLAN -, the shard's number on its standard input, its receipt
as one JSON line on its standard output), and the driver commits. A shard that
is run twice, or whose executor dies, does no harm: its outputs are named by
their content and its receipt is written last. Captures, binary and lake must
be seen under the same paths by driver and executors.

The tables are then read back as DataFrames: their rows must be those of the
manifest. With --dataset the flows are made ready for training by Spark SQL:
split by time inside each capture, addresses, ids and times left out.

One line begins with {"run": what Spark cost a shard, and what each executor did.
(spark-submit sends a script's standard error to standard output, too.) Ends with
pcapline's exit status: 0 done, 3 some input was damaged, else failed.
"""
import argparse
import json
import shlex
import subprocess
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window

NUMERIC = {"tinyint", "smallint", "int", "bigint", "float", "double", "boolean"}


def main():
    args = arguments()
    spark = SparkSession.builder.appName("pcapline batch").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    try:
        sys.exit(batch(spark, args))
    finally:
        spark.stop()


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pcapline", default="pcapline", help="the binary, as executors find it")
    p.add_argument("--out", required=True, help="the lake")
    p.add_argument("--config", help="configuration, as pcapline batch takes it")
    p.add_argument("--spool", action="append", default=[], help="a spool (repeatable)")
    p.add_argument("--corpus", action="append", default=[], help="a folder of captures (repeatable)")
    p.add_argument("--workers", type=int, default=1, help="goroutines of a shard: the cores of a task")
    p.add_argument("--dataset", help="also write the flows, made ready for training, into this folder")
    return p.parse_args()


def batch(spark, args):
    plan = json.loads(run(args, "plan", "--json", "--out", args.out, *sources(args)))
    if not plan["plan"]:
        say("nothing new")
        return 0
    begun = time.monotonic()
    receipts = shards(spark, args, plan)
    spent = time.monotonic() - begun
    status, manifest = commit(args, plan)
    report(spark, plan, receipts, spent)
    check(spark, args, manifest)
    if args.dataset:
        prepare(spark, args, manifest)
    return status


def sources(args):
    flags = ["--config", args.config] if args.config else []
    for name in ("spool", "corpus"):
        for value in getattr(args, name):
            flags += ["--" + name, value]
    return flags


def run(args, *words):
    """The standard output of a pcapline command on the driver."""
    p = subprocess.run([args.pcapline, "--quiet", *words], stdout=subprocess.PIPE, text=True)
    if p.returncode:
        sys.exit(p.returncode)
    return p.stdout


def shards(spark, args, plan):
    """Does all shards, one a task, and gives their receipts."""
    sc = spark.sparkContext
    numbers = sc.parallelize(range(1, plan["shards"] + 1), plan["shards"])
    command = f"{shlex.quote(args.pcapline)} --quiet shard --workers {args.workers} {shlex.quote(plan['plan'])} -"
    lines = numbers.pipe(command, checkCode=True).collect()
    receipts = [json.loads(line) for line in lines]
    done = sorted(r["shard"] for r in receipts)
    if done != list(range(1, plan["shards"] + 1)):
        sys.exit(f"receipts of {len(done)} shards came back, {plan['shards']} were planned")
    return receipts


def commit(args, plan):
    p = subprocess.run([args.pcapline, "--quiet", "commit", "--json", plan["plan"]], stdout=subprocess.PIPE, text=True)
    if p.returncode not in (0, 3):
        sys.exit(p.returncode)
    return p.returncode, json.loads(p.stdout)


def report(spark, plan, receipts, spent):
    """Says who did what, and what Spark cost: time of the tasks' slots that no shard took."""
    executors = spark.sparkContext._jsc.sc().statusStore().executorList(False)
    found = []
    for i in range(executors.size()):
        e = executors.apply(i)
        if e.id() != "driver":
            found.append({"id": e.id(), "tasks": e.completedTasks(), "failed": e.failedTasks(), "alive": e.isActive(), "cores": e.totalCores()})
    busy = sum(r["seconds"] for r in receipts)
    slots = spark.sparkContext.defaultParallelism
    print(json.dumps({
        "run": plan["run"], "shards": len(receipts), "seconds": round(spent, 3), "shard_seconds": round(busy, 3), "slots": slots,
        "overhead_seconds_per_shard": round(max(spent * slots - busy, 0) / len(receipts), 3), "executors": found,
    }), flush=True)


def table(spark, args, manifest, name):
    """A run's table as a DataFrame, with its partition columns."""
    path = f"{args.out}/run={manifest['run']}/table={name}"
    return spark.read.option("basePath", args.out).parquet(path)


def check(spark, args, manifest):
    """The rows that Spark reads are those that the manifest accounts for."""
    ledger = manifest["ledger"]
    want = {"flows": ledger["flows"]}
    if not manifest["config"].get("packets", {}).get("off"):
        want["packets"] = ledger["rows"]
    for name, rows in want.items():
        if rows and (got := table(spark, args, manifest, name).count()) != rows:
            sys.exit(f"Spark reads {got} rows of {name}, the manifest has {rows}")
    if not ledger["flows"]:
        return
    table(spark, args, manifest, "flows").createOrReplaceTempView("flows")
    for row in spark.sql("select sensor, date, count(*) flows, sum(flow_packets) packets from flows group by sensor, date order by sensor, date").collect():
        say(f"{row.sensor} {row.date}: {row.flows} flows of {row.packets} packets")


def prepare(spark, args, manifest):
    """Features, label and part of every labelled flow: 60/20/20 by time inside each capture."""
    flows = table(spark, args, manifest, "flows")
    if "label" not in flows.columns:
        sys.exit("--dataset needs labels: the configuration names none")
    allowed = feature_columns(args)
    features = [n for n, t in flows.dtypes if t in NUMERIC and n in allowed]
    order = Window.partitionBy("run", "sensor", "file_id").orderBy("ts", "flow_id")
    rank = F.percent_rank().over(order)
    part = F.when(rank < 0.6, "train").when(rank < 0.8, "validation").otherwise("test")
    flows = flows.where(F.col("label_class") != "unknown").withColumn("part", part)
    flows.select(*features, "label", "label_class", "part").write.mode("overwrite").partitionBy("part").parquet(args.dataset)
    rows = {r.part: r["count"] for r in spark.read.parquet(args.dataset).groupBy("part").count().collect()}
    say(json.dumps({"dataset": args.dataset, "features": len(features), "rows": rows}))


def feature_columns(args):
    """The columns that a model may learn from: pcapline gives all others a role."""
    fields = map(json.loads, run(args, "fields", "--json", "--table", "flows").splitlines())
    return {f["name"] for f in fields if not f.get("role")}


def say(text):
    print(text, file=sys.stderr, flush=True)


main()
