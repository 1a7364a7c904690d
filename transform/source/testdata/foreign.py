"""Writes the files of testdata/foreign: the same rows by pyarrow, polars,
DuckDB and pandas in the encodings that each has. Run it by hand when a writer
or an encoding is added, and look at the test.

usage: foreign.py DIR
"""
import datetime
import decimal
import pathlib
import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

out = pathlib.Path(sys.argv[1])
UTC = datetime.timezone.utc
N = 300


def sparse(values, step=3):
    return [v if i % step else None for i, v in enumerate(values)]


columns = {
    "flag": (pa.bool_(), sparse([i % 2 == 0 for i in range(N)])),
    "u8": (pa.uint8(), [i % 256 for i in range(N)]),
    "u16": (pa.uint16(), sparse([i * 200 for i in range(N)])),
    "u32": (pa.uint32(), sparse([i * 14_000_000 for i in range(N)])),
    "u64": (pa.uint64(), sparse([i for i in range(N)])),
    "i8": (pa.int8(), [i % 256 - 128 for i in range(N)]),
    "i32": (pa.int32(), sparse([i - 100 for i in range(N)])),
    "i64": (pa.int64(), [i * 10**15 - 10**17 for i in range(N)]),
    "f32": (pa.float32(), sparse([i / 4 for i in range(N)])),
    "f64": (pa.float64(), sparse([i / 3 for i in range(N)])),
    "text": (pa.string(), sparse([f"text {i % 7} é" for i in range(N)])),
    "bytes": (pa.binary(), sparse([bytes([i % 256] * (i % 5)) for i in range(N)])),
    "fixed": (pa.binary(3), sparse([bytes([i % 256] * 3) for i in range(N)])),
    "day": (pa.date32(), sparse([datetime.date(2020, 1, 1) + datetime.timedelta(i - 20000) for i in range(N)])),
    "ms": (pa.timestamp("ms", "UTC"), sparse([datetime.datetime(2020, 1, 1, tzinfo=UTC) + datetime.timedelta(milliseconds=i) for i in range(N)])),
    "us": (pa.timestamp("us", "UTC"), sparse([datetime.datetime(2020, 1, 1, tzinfo=UTC) + datetime.timedelta(microseconds=i) for i in range(N)])),
    "money": (pa.decimal128(20, 2), sparse([decimal.Decimal(i - 100) / 4 for i in range(N)])),
    "small_money": (pa.decimal128(5, 2), sparse([decimal.Decimal(i - 100) / 4 for i in range(N)])),
    "list": (pa.list_(pa.int64()), sparse([list(range(i % 4)) for i in range(N)])),
    "texts": (pa.list_(pa.string()), sparse([[str(j) for j in range(i % 3)] for i in range(N)])),
}
table = pa.table({k: pa.array(v, t) for k, (t, v) in columns.items()})
nanos = pa.array([None if i % 3 == 0 else 1_577_836_800_000_000_001 + i for i in range(N)], pa.int64()).cast(pa.timestamp("ns", "UTC"))
with_ns = table.append_column("ns", nanos)

pq.write_table(table, out / "pyarrow_v1.parquet", version="1.0", data_page_version="1.0", compression="snappy", row_group_size=97, data_page_size=200)
pq.write_table(with_ns, out / "pyarrow_v2.parquet", version="2.6", data_page_version="2.0", compression="zstd", row_group_size=128)
pq.write_table(table, out / "pyarrow_plain.parquet", use_dictionary=False, compression="none")
pq.write_table(table, out / "pyarrow_gzip.parquet", compression="gzip")
pq.write_table(table, out / "pyarrow_brotli_lz4.parquet", compression={c: "brotli" if i % 2 else "lz4" for i, c in enumerate(
    c if not pa.types.is_list(table.schema.field(c).type) else c + ".list.element" for c in table.column_names)})
pq.write_table(table.select(["us", "ms", "i64", "text"]), out / "pyarrow_int96.parquet", use_deprecated_int96_timestamps=True)
pq.write_table(table, out / "pyarrow_encodings.parquet", use_dictionary=False, column_encoding={
    "u8": "DELTA_BINARY_PACKED", "u32": "DELTA_BINARY_PACKED", "i64": "DELTA_BINARY_PACKED", "us": "DELTA_BINARY_PACKED",
    "f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT", "text": "DELTA_BYTE_ARRAY", "bytes": "DELTA_LENGTH_BYTE_ARRAY",
    "flag": "RLE"}, data_page_version="2.0")
pl.from_arrow(table).write_parquet(out / "polars.parquet", row_group_size=100)
rows = table
duckdb.sql("select * from rows").write_parquet(str(out / "duckdb.parquet"), row_group_size=2048)
simple = table.drop_columns(["list", "texts", "money", "small_money", "day", "fixed"])
simple.to_pandas(types_mapper=pd.ArrowDtype).to_parquet(out / "pandas.parquet", index=False)
pq.write_table(pa.table({"s": pa.array([{"a": 1}]), "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), "ok": [1]}), out / "nested.parquet")
pq.write_table(pa.table({"list": pa.array([[1, None]])}), out / "null_in_list.parquet")
pq.write_table(pa.table({"u": pa.array([2**63], pa.uint64())}), out / "large_uint64.parquet")

# Arrow IPC: files and a stream, with and without compression, with a dictionary
# and, by polars, string views.
coded = with_ns.set_column(with_ns.column_names.index("text"), "text", with_ns["text"].dictionary_encode())
with pa.ipc.new_file(out / "pyarrow.arrow", coded.schema, options=pa.ipc.IpcWriteOptions(compression="zstd", unify_dictionaries=True)) as w:
    w.write_table(coded, max_chunksize=97)
with pa.ipc.new_stream(out / "pyarrow.arrows", with_ns.schema) as w:
    w.write_table(with_ns, max_chunksize=128)
feather.write_feather(table, str(out / "pyarrow_lz4.feather"), compression="lz4")
pl.from_arrow(table).write_ipc(out / "polars.arrow", compression="zstd")
feather.write_feather(pq.read_table(out / "nested.parquet"), str(out / "nested.feather"))
feather.write_feather(pq.read_table(out / "null_in_list.parquet"), str(out / "null_in_list.feather"))
feather.write_feather(pq.read_table(out / "large_uint64.parquet"), str(out / "large_uint64.feather"))
