"""Reads a lake by its partitions: check_lake.py LAKE

Rows are those of the manifests; a packet's flow is found by run, sensor and
flow_id, has as many packets as it says, and began at its first packet."""
import glob
import json
import sys

import duckdb
import polars
import pyarrow.dataset

lake = sys.argv[1]
want = {"packets": 0, "flows": 0}
for path in glob.glob(f"{lake}/run=*/manifest.json"):
    with open(path) as f:
        ledger = json.load(f)["ledger"]
    want["packets"] += ledger["rows"]
    want["flows"] += ledger["flows"]
for table, rows in want.items():
    files = f"{lake}/run=*/table={table}/*/*/*.parquet"
    assert duckdb.sql(f"select count(*), count(distinct run), count(distinct sensor), min(date) > date '2000-01-01' from read_parquet('{files}', hive_partitioning=true)").fetchall()[0] == (rows, 1, 1, True)
    assert polars.scan_parquet(files, hive_partitioning=True).select(polars.len()).collect().item() == rows
    partitions = pyarrow.dataset.dataset(sorted(glob.glob(files)), partitioning="hive", partition_base_dir=lake)
    assert partitions.count_rows(filter=pyarrow.dataset.field("sensor") == "default") == rows, table
join = f"""
with p as (select run, sensor, flow_id, count(*) n, min(ts_ns) first from read_parquet('{lake}/run=*/table=packets/*/*/*.parquet', hive_partitioning=true) where flow_id is not null group by all),
     f as (select run, sensor, flow_id, flow_packets, ts_ns from read_parquet('{lake}/run=*/table=flows/*/*/*.parquet', hive_partitioning=true))
select count(*), count(*) filter (where p.n = f.flow_packets and p.first = f.ts_ns), (select count(*) from f) from p join f using (run, sensor, flow_id)"""
pairs, same, flows = duckdb.sql(join).fetchall()[0]
assert pairs == same == flows > 0, (pairs, same, flows)
