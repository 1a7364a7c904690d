"""Reads tables of the sinks with pyarrow, polars, DuckDB and Python itself.

usage: check_tables.py DIR

DIR has NAME.csv and NAME.parquet of the same rows, perhaps NAME.arrow and
NAME.arrows, perhaps NAME.jsonl with NAME.csv.gz, NAME.csv.zst, NAME.jsonl.gz
and NAME.jsonl.zst, and NAME.json with the columns ({"name", "layer", "type", "nullable"}), the
rows, the row groups, the record batches and the key-value metadata that are
to be found. Every cell of every reader is compared with the CSV file. Prints
what differs; exits 1 if anything does.
"""
import csv
import datetime
import gzip
import json
import math
import pathlib
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather
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
    compare_arrow("pyarrow", table, spec, want)
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
    compare_polars("polars", pl.read_parquet(path), spec, want)


def compare_polars(who, frame, spec, want):
    for c in spec["columns"]:
        kind, is_list = typed(POLARS, c["type"])
        dtype = pl.List(kind) if is_list else kind
        if frame.schema[c["name"]] != dtype:
            problem(who + ":", c["name"], frame.schema[c["name"]], "want", dtype)
        series = frame[c["name"]]
        if c["type"] == "timestamp":
            series = series.to_physical()
        compare(who, c["name"], c["type"], [normal(v, c["type"]) for v in series.to_list()], want[c["name"]])


def check_duckdb(path, spec, want):
    metadata = {bytes(k).decode(): bytes(v).decode() for k, v in
                duckdb.execute("select key, value from parquet_kv_metadata(?)", [str(path)]).fetchall()}
    if metadata != spec["metadata"]:
        problem("duckdb: metadata", sorted(metadata))
    compare_duckdb("duckdb", "read_parquet(?)", [str(path)], spec, want)


def compare_duckdb(who, source, args, spec, want, tables=None):
    connection = duckdb.connect()
    for name, table in (tables or {}).items():
        connection.register("arrow_" + name, table)
        source = "arrow_" + source
    names = {r[0]: r[1] for r in connection.execute(f"describe select * from {source}", args).fetchall()}
    for c in spec["columns"]:
        kind, is_list = typed(DUCK, c["type"])
        if names[c["name"]] != kind + ("[]" if is_list else ""):
            problem(who + ":", c["name"], names[c["name"]], "want", kind)
    selected = ", ".join(exact(f'"{c["name"]}"', c["type"]) for c in spec["columns"])
    rows = connection.execute(f"select {selected} from {source}", args).fetchall()
    for i, c in enumerate(spec["columns"]):
        compare(who, c["name"], c["type"], [normal(r[i], c["type"]) for r in rows], want[c["name"]])


def exact(name, kind):
    """How DuckDB gives a column without losing anything on the way to Python."""
    if kind == "timestamp":
        return f"epoch_us({name})"
    if kind == "list<timestamp>":
        return f"list_transform({name}, lambda x: epoch_us(x))"
    return name


def check_bloom(path, spec, want):
    """DuckDB excludes no row group that has a value, and most for values that are not there."""
    connection = duckdb.connect()
    kinds = {c["name"]: c["type"] for c in spec["columns"]}
    for name in spec.get("bloom") or []:
        kind = kinds[name]
        values = [v for v in want[name] if v is not None]
        if not values or kind in ("timestamp", "binary"):
            continue
        probes = [(values[len(values) // 2], True)]
        if kind in ("string", "ipv4", "ipv6", "mac", "ip"):
            probes += [(f"no such value {n}", False) for n in range(20)]
        excluded = groups = 0
        for probe, present in probes:
            rows = connection.execute("select bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)", [str(path), name, probe]).fetchall()
            if present:
                if len(rows) != spec["groups"] or all(r[0] for r in rows):
                    problem("duckdb: bloom filter of", name, "excludes", probe)
            else:
                groups += len(rows)
                excluded += sum(r[0] for r in rows)
        if groups and excluded < groups * 0.5 and len(values) == len(want[name]):
            problem("duckdb: bloom filter of", name, "excludes", excluded, "of", groups)


def check_arrow(path, spec, want):
    """The file by pyarrow, polars and, through pyarrow, DuckDB; the stream by pyarrow."""
    with pa.memory_map(str(path)) as f:
        reader = pa.ipc.open_file(f)
        if reader.num_record_batches != spec["batches"]:
            problem("arrow:", reader.num_record_batches, "record batches, want", spec["batches"])
        metadata = {k.decode(): v.decode() for k, v in reader.schema.metadata.items()}
        if metadata != spec["metadata"]:
            problem("arrow: metadata", sorted(metadata))
        compare_arrow("arrow", reader.read_all(), spec, want)
    compare_arrow("feather", feather.read_table(str(path)), spec, want)
    with pa.OSFile(str(path.with_suffix(".arrows"))) as f:
        compare_arrow("arrow stream", pa.ipc.open_stream(f).read_all(), spec, want)
    compare_polars("polars of arrow", pl.read_ipc(path), spec, want)
    table = feather.read_table(str(path))
    compare_duckdb("duckdb of arrow", "table", [], spec, want, {"table": table})


def compare_arrow(who, table, spec, want):
    table.validate(full=True)
    for c in spec["columns"]:
        field = table.schema.field(c["name"])
        kind, is_list = typed(ARROW, c["type"])
        found = field.type.value_type if is_list else field.type
        if found != kind or (is_list and not pa.types.is_list(field.type)) or field.nullable != c["nullable"]:
            problem(who + ":", field, "for", c)
        column = table.column(c["name"])
        if c["type"] == "timestamp":
            column = pc.cast(column, pa.int64())
        compare(who, c["name"], c["type"], [normal(v, c["type"]) for v in column.to_pylist()], want[c["name"]])


def place(c):
    """Where a row's object has the column: the documented rule of the JSONL sink."""
    name, layer = c["name"], c["layer"]
    if layer and name == layer:
        return [layer, name]
    if layer and name.startswith(layer + "_"):
        return [layer, name[len(layer) + 1:]]
    return [name]


def from_json(value, kind):
    if kind.startswith("list<"):
        return [from_json(x, kind[5:-1]) for x in value]
    if kind == "float64":
        return float(value)
    if kind == "timestamp":
        return micros(datetime.datetime.fromisoformat(value))
    if kind == "binary":
        return bytes.fromhex(value)
    return value


def strict(number):
    raise ValueError(f"{number} is no JSON")


def check_jsonl(path, spec, want):
    """By Python's json; DuckDB, pandas and polars read the compressed ones' texts as one."""
    plain = path.read_bytes()
    rows = [json.loads(line, parse_constant=strict) for line in plain.decode().split("\n")[:-1]]
    places = {tuple(place(c)): c for c in spec["columns"]}
    columns = {c["name"]: [None] * len(rows) for c in spec["columns"]}
    for n, row in enumerate(rows):
        for key, value in row.items():
            for inner, v in value.items() if isinstance(value, dict) else [(None, value)]:
                at = (key,) if inner is None else (key, inner)
                if at not in places or v is None:
                    problem("jsonl: row", n, "has", at)
                    continue
                c = places[at]
                columns[c["name"]][n] = from_json(v, c["type"])
    for c in spec["columns"]:
        compare("jsonl", c["name"], c["type"], columns[c["name"]], want[c["name"]])
    if rows:
        n = duckdb.connect().execute("select count(*) from read_json(?, format='newline_delimited')", [str(path)]).fetchone()[0]
        if n != len(rows):
            problem("duckdb: jsonl has", n, "rows")
    check_compressed(path, plain, rows)


def check_compressed(path, plain, rows):
    for kind, suffix in ((".jsonl", path.suffix), (".csv", ".csv")):
        plain = path.with_suffix(kind).read_bytes()
        zipped, zstd = path.with_suffix(kind + ".gz"), path.with_suffix(kind + ".zst")
        if gzip.decompress(zipped.read_bytes()) != plain:
            problem("gzip:", zipped.name, "is not", kind)
        if pa.input_stream(str(zstd), compression="zstd").read() != plain:
            problem("zstd:", zstd.name, "is not", kind)
        for compressed in (zipped, zstd):
            if not rows:
                continue
            read = "read_json(?, format='newline_delimited')" if kind == ".jsonl" else "read_csv(?, header=true, all_varchar=true)"
            n = duckdb.connect().execute(f"select count(*) from {read}", [str(compressed)]).fetchone()[0]
            if n != len(rows):
                problem("duckdb:", compressed.name, "has", n, "rows, want", len(rows))


def check_duckdb_json(path, spec, want):
    """Cells by DuckDB's own types, where it is told them."""
    layers = {}
    if not spec["rows"]:
        return
    for c in spec["columns"]:
        at = place(c)
        kind, is_list = typed(DUCK, c["type"])
        if kind == "BLOB":
            kind = "VARCHAR"
        layers.setdefault(at[0], []).append((at[1:], kind + ("[]" if is_list else ""), c))
    columns = {}
    for key, members in layers.items():
        inner = [f'"{at[0]}" {kind}' for at, kind, _ in members if at]
        columns[key] = "STRUCT(" + ", ".join(inner) + ")" if inner else members[0][1]
    types = ", ".join(f"'{key}': '{kind}'" for key, kind in columns.items())
    source = f"read_json('{path}', format='newline_delimited', records=true, columns={{{types}}})"
    connection = duckdb.connect()
    fields = [(key, at, c) for key, members in layers.items() for at, _, c in members]
    selected = ", ".join(exact(f'"{key}"' + (f'."{at[0]}"' if at else ""), c["type"]) for key, at, c in fields)
    rows = connection.execute(f"select {selected} from {source}").fetchall()
    for i, (_, _, c) in enumerate(fields):
        got = [r[i] for r in rows]
        if c["type"] in ("binary", "list<binary>"):
            got = [from_json(v, c["type"]) if v is not None else None for v in got]
        compare("duckdb of jsonl", c["name"], c["type"], [normal(v, c["type"]) for v in got], want[c["name"]])


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
        check_bloom(path, spec, want)
        if path.with_suffix(".arrow").exists():
            check_arrow(path.with_suffix(".arrow"), spec, want)
        if path.with_suffix(".jsonl").exists():
            check_jsonl(path.with_suffix(".jsonl"), spec, want)
            check_duckdb_json(path.with_suffix(".jsonl"), spec, want)
        print(path.name, spec["rows"], "rows", len(header), "columns:", len(problems) - before, "problems")
    for p in problems:
        print(p)
    sys.exit(1 if problems else 0)


main(sys.argv[1])
