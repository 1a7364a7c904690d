"""Reads tables of the Parquet sink with pyarrow, polars and DuckDB.

usage: check_parquet.py DIR

DIR has pairs NAME.parquet and NAME.csv of the same rows, and NAME.json with
the columns ({"name", "type", "nullable"}), the rows, the row groups and the
key-value metadata that are to be found. Every cell of every reader is
compared with the CSV file. Prints what differs; exits 1 if anything does.
"""
import csv
import datetime
import json
import math
import pathlib
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ARROW = {
    "bool": pa.bool_(), "uint8": pa.uint8(), "uint16": pa.uint16(), "uint32": pa.uint32(),
    "int64": pa.int64(), "float64": pa.float64(), "timestamp": pa.timestamp("us", tz="UTC"),
    "ipv4": pa.string(), "ipv6": pa.string(), "mac": pa.string(), "ip": pa.string(),
    "string": pa.string(), "binary": pa.binary(),
}
POLARS = {
    "bool": pl.Boolean, "uint8": pl.UInt8, "uint16": pl.UInt16, "uint32": pl.UInt32,
    "int64": pl.Int64, "float64": pl.Float64, "timestamp": pl.Datetime("us", "UTC"),
    "ipv4": pl.String, "ipv6": pl.String, "mac": pl.String, "ip": pl.String,
    "string": pl.String, "binary": pl.Binary,
}
DUCK = {
    "bool": "BOOLEAN", "uint8": "UTINYINT", "uint16": "USMALLINT", "uint32": "UINTEGER",
    "int64": "BIGINT", "float64": "DOUBLE", "timestamp": "TIMESTAMP WITH TIME ZONE",
    "ipv4": "VARCHAR", "ipv6": "VARCHAR", "mac": "VARCHAR", "ip": "VARCHAR",
    "string": "VARCHAR", "binary": "BLOB",
}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
problems = []


def problem(*words):
    problems.append(" ".join(str(w) for w in words))


def micros(t):
    """A datetime, or the microseconds themselves, as microseconds."""
    if isinstance(t, int):
        return t
    d = t - EPOCH
    return (d.days * 86400 + d.seconds) * 10**6 + d.microseconds


def parse(text, kind):
    """The value of a CSV cell that is not null."""
    if kind.startswith("list<"):
        return [parse(x, kind[5:-1]) for x in text.split(";")] if text else []
    if kind == "bool":
        return {"true": True, "false": False}[text]
    if kind in ("uint8", "uint16", "uint32", "int64"):
        return int(text)
    if kind == "float64":
        return float(text)
    if kind == "timestamp":
        return micros(datetime.datetime.fromisoformat(text))
    if kind == "binary":
        return bytes.fromhex(text)
    return text


def cells(path):
    """The columns of a CSV file: None for null, which is a cell without quotes."""
    # Python's reader does not tell "" from nothing before 3.12, so mark them.
    text = path.read_bytes().decode().replace("\r", "\x01")
    marked = []
    quoted = False
    i = 0
    while i < len(text):
        c = text[i]
        if c == '"':
            if not quoted and text[i:i + 2] == '""' and (i + 2 == len(text) or text[i + 2] in ",\n"):
                marked.append("\x02")
                i += 2
                continue
            quoted = not quoted
        marked.append(c)
        i += 1
    rows = list(csv.reader(iter_lines("".join(marked))))
    records = [r or [""] for r in rows[1:]]  # a null alone in its row is a blank line
    columns = list(zip(*records)) if records else [()] * len(rows[0])
    return rows[0], [[None if x == "" else x.replace("\x02", "").replace("\x01", "\r") for x in col] for col in columns]


def iter_lines(text):
    """Lines that end in \\n alone: str.splitlines knows too many line ends."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end + 1
        yield text[start:end]
        start = end


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def compare(who, name, kind, got, want):
    if len(got) != len(want):
        problem(who, name, "has", len(got), "rows, want", len(want))
        return
    for row, (g, w) in enumerate(zip(got, want)):
        if not same(g, w):
            problem(who, name, kind, "row", row, "is", repr(g)[:80], "want", repr(w)[:80])
            return


def normal(value, kind):
    if value is None:
        return None
    if kind.startswith("list<"):
        return [normal(x, kind[5:-1]) for x in value]
    if kind == "timestamp":
        return micros(value)
    return value


def typed(table, kind):
    if kind.startswith("list<"):
        return table[kind[5:-1]], True
    return table[kind], False


def check_pyarrow(path, spec, want):
    f = pq.ParquetFile(path, page_checksum_verification=True)
    if f.metadata.num_rows != spec["rows"] or f.metadata.num_row_groups != spec["groups"]:
        problem("pyarrow: rows and row groups", f.metadata.num_rows, f.metadata.num_row_groups)
    if f.metadata.created_by != "pcapline":
        problem("pyarrow: created_by", f.metadata.created_by)
    metadata = {k.decode(): v.decode() for k, v in f.metadata.metadata.items()}
    if metadata != spec["metadata"]:
        problem("pyarrow: metadata", sorted(metadata))
    table = f.read()
    table.validate(full=True)
    for c in spec["columns"]:
        field = table.schema.field(c["name"])
        kind, is_list = typed(ARROW, c["type"])
        found = field.type.value_type if is_list else field.type
        if found != kind or (is_list and not pa.types.is_list(field.type)) or field.nullable != c["nullable"]:
            problem("pyarrow:", field, "for", c)
        column = table.column(c["name"])
        if c["type"] == "timestamp":
            column = pc.cast(column, pa.int64())
        got = [normal(v, c["type"]) for v in column.to_pylist()]
        compare("pyarrow", c["name"], c["type"], got, want[c["name"]])
    check_indexes(f, spec, table)


def check_indexes(f, spec, table):
    for g in range(f.metadata.num_row_groups):
        group = f.metadata.row_group(g)
        for i in range(group.num_columns):
            chunk = group.column(i)
            if not chunk.has_offset_index:
                problem("pyarrow:", chunk.path_in_schema, "has no offset index")
            if chunk.physical_type == "BYTE_ARRAY" and not chunk.has_column_index and chunk.path_in_schema.split(".")[0] not in spec["unindexed"]:
                problem("pyarrow:", chunk.path_in_schema, "has no column index")
    # Filters go through the statistics: what they find is counted without.
    for c in spec["columns"]:
        if c["type"] not in ("int64", "uint32", "ipv4", "string", "timestamp"):
            continue
        values = [v for v in table.column(c["name"]).to_pylist() if v is not None]
        if not values:
            continue
        probe = values[len(values) // 2]
        n = pq.read_table(spec["path"], filters=[(c["name"], "=", probe)]).num_rows
        if n != values.count(probe):
            problem("pyarrow: filter", c["name"], "=", probe, "finds", n, "of", values.count(probe))
        n = duckdb.execute(f'select count(*) from read_parquet(?) where "{c["name"]}" = ?', [spec["path"], probe]).fetchone()[0]
        if n != values.count(probe):
            problem("duckdb: filter", c["name"], "=", probe, "finds", n, "of", values.count(probe))
        n = pl.scan_parquet(spec["path"]).filter(pl.col(c["name"]) == probe).select(pl.len()).collect().item()
        if n != values.count(probe):
            problem("polars: filter", c["name"], "=", probe, "finds", n, "of", values.count(probe))


def check_polars(path, spec, want):
    frame = pl.read_parquet(path)
    for c in spec["columns"]:
        kind, is_list = typed(POLARS, c["type"])
        dtype = pl.List(kind) if is_list else kind
        if frame.schema[c["name"]] != dtype:
            problem("polars:", c["name"], frame.schema[c["name"]], "want", dtype)
        series = frame[c["name"]]
        if c["type"] == "timestamp":
            series = series.to_physical()
        compare("polars", c["name"], c["type"], [normal(v, c["type"]) for v in series.to_list()], want[c["name"]])


def check_duckdb(path, spec, want):
    names = {r[0]: r[1] for r in duckdb.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()}
    metadata = {bytes(k).decode(): bytes(v).decode() for k, v in
                duckdb.execute("select key, value from parquet_kv_metadata(?)", [str(path)]).fetchall()}
    if metadata != spec["metadata"]:
        problem("duckdb: metadata", sorted(metadata))
    for c in spec["columns"]:
        kind, is_list = typed(DUCK, c["type"])
        if names[c["name"]] != kind + ("[]" if is_list else ""):
            problem("duckdb:", c["name"], names[c["name"]], "want", kind)
        name = f'"{c["name"]}"'
        if c["type"] == "timestamp":
            name = f"epoch_us({name})"
        elif c["type"] == "list<timestamp>":
            name = f"list_transform({name}, lambda x: epoch_us(x))"
        got = [normal(r[0], c["type"]) for r in duckdb.execute(f"select {name} from read_parquet(?)", [str(path)]).fetchall()]
        compare("duckdb", c["name"], c["type"], got, want[c["name"]])


def main(directory):
    for path in sorted(pathlib.Path(directory).glob("*.parquet")):
        spec = json.loads(path.with_suffix(".json").read_text())
        spec["path"] = str(path)
        header, columns = cells(path.with_suffix(".csv"))
        if header != [c["name"] for c in spec["columns"]] or header != pq.read_schema(path).names:
            problem("columns", header)
        want = {c["name"]: [None if x is None else parse(x, c["type"]) for x in col] for c, col in zip(spec["columns"], columns)}
        before = len(problems)
        check_pyarrow(path, spec, want)
        check_polars(path, spec, want)
        check_duckdb(path, spec, want)
        print(path.name, spec["rows"], "rows", len(header), "columns:", len(problems) - before, "problems")
    for p in problems:
        print(p)
    sys.exit(1 if problems else 0)


main(sys.argv[1])
