"""Reads a dataset folder as other people's tools do.

usage: check_dataset.py DATASET SCHEMA

mlcroissant validates croissant.json and loads the records, whose types it does
not check by itself; datasets loads the folder by its card; jsonschema holds
both metadata files to SCHEMA. All must agree with the metadata.
"""

import hashlib
import json
import os
import pathlib
import sys
import tempfile
import urllib.parse

os.environ["HF_HUB_OFFLINE"] = "1"  # a local folder needs no hub
CACHE = tempfile.TemporaryDirectory()
os.environ["HF_HOME"] = CACHE.name

import datasets
import jsonschema
import mlcroissant
import pandas

SPLITS = {"train": "train", "validation": "valid", "test": "test"}


def check_metadata(folder, schema):
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
    for name in ("fulldata_metadata.json", "cleaned_metadata.json"):
        meta = json.loads((folder / name).read_text())
        for error in validator.iter_errors(meta):
            raise SystemExit(f"{name}: {error.json_path}: {error.message}")
        meta["surprise"] = 1
        assert not validator.is_valid(meta), "the schema takes anything"


def check_croissant(folder, meta):
    doc = json.loads((folder / "croissant.json").read_text())
    for item in doc["distribution"]:
        if item["@type"] == "cr:FileObject":
            data = (folder / item["contentUrl"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == item["sha256"], item["@id"]
            assert item["contentSize"] == f"{len(data)} B", item["@id"]
    ds = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    assert not ds.metadata.ctx.issues.errors, ds.metadata.ctx.issues.errors
    counts = {}
    kinds = {f["@id"]: f["dataType"] for f in doc["recordSet"][0]["field"]}
    assert list(kinds) == ["cleaned/" + urllib.parse.quote(h, safe="$&+=:@") for h in meta["headers"]]
    python = {"sc:Float": float, "sc:Integer": int, "sc:Text": bytes}
    for record in ds.records("cleaned"):
        for key, kind in kinds.items():
            value = record[key]
            if value is None or value != value:
                assert key == "cleaned/fold", key
                continue
            assert isinstance(value, python[kind]), f"{key}: {value!r} is no {kind}"
        split = record["cleaned/split"].decode()
        label = record["cleaned/label_name"].decode()
        counts[label, split] = counts.get((label, split), 0) + 1
    want = {(c, p): n for c, parts in meta["counts"].items() for p, n in parts.items() if n and p != "purged"}
    assert counts == want, f"mlcroissant read {counts}, the metadata says {want}"


def check_hub(folder, meta, formats):
    loaded = datasets.load_dataset(str(folder))
    for split, part in SPLITS.items():
        rows = meta["rows"][part]
        assert (split in loaded) == (rows > 0), loaded
        if not rows:
            continue
        assert loaded[split].num_rows == rows
        assert set(loaded[split].unique("split")) == {part}
        assert loaded[split].column_names == meta["headers"]
        for ending in formats:
            read = getattr(pandas, "read_" + ending)
            frame = read(folder / "data" / f"{split}-00000-of-00001.{ending}")
            assert len(frame) == rows and list(frame.columns) == meta["headers"]
            assert not frame[meta["features_to_process"]].isna().any().any()
    full = datasets.load_dataset(str(folder), "fulldata")["full"]
    purged = sum(parts["purged"] for parts in meta["counts"].values())
    assert full.num_rows == sum(meta["rows"][p] for p in SPLITS.values()) + purged


def main():
    folder, schema = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    meta = json.loads((folder / "cleaned_metadata.json").read_text())
    formats = [e for e in ("parquet", "csv") if list((folder / "data").glob("*." + e))]
    check_metadata(folder, schema)
    check_croissant(folder, meta)
    check_hub(folder, meta, formats)


main()
