"""Loads what pcapline writes for other tools as those tools' users would.

usage: check_exports.py DIR CAPTURE

DIR holds cic.csv, nf.parquet and conn.log of the capture, and the folders
lucid, et-bert and kitsune of its labelled packets. CAPTURE is not compressed.
Whatever is wrong is an AssertionError.
"""

import glob
import os
import sys

import h5py
import numpy as np
import pandas as pd

dir, capture = sys.argv[1:]


def check_cicflowmeter(path):
    t = pd.read_csv(path)
    assert t.shape[1] == 84 and t.columns[0] == "Flow ID" and t.columns[-1] == "Label", t.columns
    numbers = t.select_dtypes("number")
    assert numbers.shape[1] == 79, t.dtypes.to_dict()
    assert np.isfinite(numbers.to_numpy(float)).all(), "NaN or infinite"
    assert not t["Label"].isna().any()
    assert (numbers["Flow Duration"] >= 0).all()
    times = pd.to_datetime(t["Timestamp"])
    assert times.dt.year.eq(2026).all()
    # What is defined by other columns fits them.
    assert np.allclose(t["Packet Length Variance"], t["Packet Length Std"] ** 2)
    busy = t[t["Flow Duration"] > 0]
    packets = busy["Total Fwd Packet"] + busy["Total Bwd packets"]
    assert np.allclose(busy["Flow Packets/s"], packets / busy["Flow Duration"] * 1e6, rtol=2e-2)


def check_zeek(path):
    head = {}
    with open(path) as f:
        for line in f:
            if not line.startswith("#"):
                break
            key, _, value = line[1:].rstrip("\n").partition(" " if line.startswith("#separator") else "\t")
            head[key] = value
    assert head["separator"] == "\\x09" and head["unset_field"] == "-" and head["path"] == "conn", head
    fields, types = head["fields"].split("\t"), head["types"].split("\t")
    assert fields[:7] == ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"], fields
    kinds = dict(zip(fields, types))
    assert kinds["id.orig_p"] == "port" and kinds["duration"] == "interval" and kinds["orig_bytes"] == "count", kinds
    assert kinds["proto"] == "enum" and kinds["tunnel_parents"] == "set[string]" and kinds["ts"] == "time", kinds
    t = pd.read_csv(path, sep="\t", comment="#", names=fields, na_values="-", keep_default_na=False)
    for name, kind in kinds.items():
        if kind in ("count", "port", "interval", "time", "int"):
            assert pd.api.types.is_numeric_dtype(t[name]), name
    assert t["uid"].is_unique and t["uid"].str.fullmatch("C[0-9A-Za-z]{14,17}").all()
    assert set(t["proto"]) <= {"tcp", "udp", "icmp", "unknown_transport"}
    states = {"S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"}
    assert set(t["conn_state"]) <= states, set(t["conn_state"])
    tcp = t[t["proto"] == "tcp"]
    assert (tcp["orig_ip_bytes"] >= 40 * tcp["orig_pkts"]).all()
    assert t["duration"].isna().eq(t["orig_bytes"].isna()).all()


def check_nfstream(path, capture):
    from nfstream import NFStreamer

    theirs = NFStreamer(source=capture, statistical_analysis=True, splt_analysis=20, n_dissections=0, n_meters=1).to_pandas()
    ours = pd.read_parquet(path)
    assert list(ours.columns) == list(theirs.columns), set(ours.columns) ^ set(theirs.columns)
    key = ["src_ip", "src_port", "dst_ip", "dst_port", "protocol", "bidirectional_first_seen_ms"]
    for t in (ours, theirs):
        t["key"] = [tuple(map(str, r)) for r in t[key].itertuples(index=False)]
    both = ours.merge(theirs, on="key", suffixes=("", "_nf"))
    both = both[both["bidirectional_packets"] == both["bidirectional_packets_nf"]]
    assert len(both) > 0.9 * len(theirs), (len(ours), len(theirs), len(both))
    absent = {"id", "expiration_id", "tunnel_id", "src2dst_first_seen_ms", "src2dst_last_seen_ms", "dst2src_first_seen_ms", "dst2src_last_seen_ms"}
    for c in theirs.columns.drop("key"):
        if c in absent or c.startswith("splt"):
            continue
        a, b = both[c], both[c + "_nf"]
        if pd.api.types.is_numeric_dtype(b):
            # nfstream cuts times to ms before it takes differences.
            loose = 1.01 if "piat" in c or "duration" in c else 1e-6
            bad = ~np.isclose(a.astype(float), b.astype(float), atol=loose)
        else:
            bad = a.astype(str) != b.astype(str)
        assert not bad.any(), (c, both.loc[bad, [c, c + "_nf"]].head())


def check_lucid(dir):
    for part in ("train", "val", "test"):
        p = os.path.join(dir, f"10t-10n-pcapline-dataset-{part}.npz")
        x, y = np.load(p)["set_x"], np.load(p)["set_y"]
        assert x.ndim == 3 and x.shape[1:] == (10, 11) and len(x) == len(y) and x.dtype == np.float32
        assert (x >= 0).all() and (x <= 1).all() and set(y) <= {0, 1}
        # The line of the package's documentation, and LUCID's way to read it.
        f = h5py.File(p.replace("npz", "hdf5"), "w"); [f.create_dataset(k, data=v) for k, v in np.load(p).items()]
        f.close()
        with h5py.File(p.replace("npz", "hdf5")) as f:
            assert np.array_equal(np.array(f["set_x"][:]), x) and np.array_equal(np.array(f["set_y"][:]), y)


def check_etbert(dir):
    labels = pd.read_csv(os.path.join(dir, "labels.tsv"), sep="\t")
    assert list(labels["label"]) == list(range(len(labels)))
    train = pd.read_csv(os.path.join(dir, "train_dataset.tsv"), sep="\t")
    assert set(train["label"]) == set(labels["label"])
    for part in ("train", "valid", "test"):
        t = pd.read_csv(os.path.join(dir, part + "_dataset.tsv"), sep="\t")
        assert set(t["label"]) <= set(labels["label"])
        assert t["text_a"].str.fullmatch("[0-9a-f]{4}( [0-9a-f]{4})*").all()
        assert (t["text_a"].str.count(" ") < 5 * 128).all()


def check_kitsune(dir):
    for path in glob.glob(os.path.join(dir, "*.tsv")):
        t = pd.read_csv(path, sep="\t")
        labels = pd.read_csv(path.replace(".tsv", "_labels.csv"))
        assert t.shape[1] == 19 and len(t) == len(labels) and list(labels.columns[1:]) == ["x"]
        assert t["frame.time_epoch"].is_monotonic_increasing and set(labels["x"].dropna()) <= {0, 1}


check_cicflowmeter(os.path.join(dir, "cic.csv"))
check_zeek(os.path.join(dir, "conn.log"))
check_lucid(os.path.join(dir, "lucid"))
check_etbert(os.path.join(dir, "et-bert"))
check_kitsune(os.path.join(dir, "kitsune"))
check_nfstream(os.path.join(dir, "nf.parquet"), capture)
