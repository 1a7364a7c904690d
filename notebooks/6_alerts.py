# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. Live alerts, explored
#
# `pcapline watch` scores what a sensor writes into its spool and gives a line of JSON for each alert: the score, the flow
# with its Community ID (the name by which Zeek, Suricata and Arkime know it, too), the columns that spoke most for it, and
# where its packets lie. This notebook takes such a file. Name yours in `PCAPLINE_ALERTS`; without one, three of the bundled
# captures are put into a spool as a sensor would have left them, and are scored there.
#
# The model has seen parts of these captures in training: this is about reading alerts, not about how good they are.

# %%
import json
import os
import pathlib
import struct
import subprocess

import pandas as pd
import matplotlib.pyplot as plt

from line import COLOURS, LAB, OUT, ROOT, WORK, pcapline, save

SPOOL, ALERTS = WORK / "spool", WORK / "alerts.jsonl"
CAPTURES = [LAB / f"{name}.pcapng.zst" for name in ("scan_connect", "brute_http_basic", "tunnel_dns")]
MODEL = OUT / "model.pcapline"

# %%
def scored(path):
    """The same lines from `pcapline score`, which knows neither segments nor contributions."""
    flow = ["community_id", "src_ip", "src_port", "dst_ip", "dst_port", "flow_packets", "flow_bytes", "proto_name", "ts"]
    rows = pd.read_parquet(path, columns=[*flow, "ts_end", "score", "alert", "predicted_class"])
    rows = rows[rows.alert].astype({"ts": str, "ts_end": str})
    rows = rows.astype(object).where(rows.notna(), None)
    short = {"flow_packets": "packets", "flow_bytes": "bytes", "proto_name": "proto", "ts": "start"}
    return [{"time": r["ts_end"], "score": r["score"], "class": r["predicted_class"], "features": [],
             "flow": {short.get(k, k): r[k] for k in flow}} for r in rows.to_dict("records")]


watches = subprocess.run([ROOT / "bin" / "pcapline", "watch", "--help"], capture_output=True).returncode == 0
if "PCAPLINE_ALERTS" in os.environ:
    alerts = [json.loads(line) for line in pathlib.Path(os.environ["PCAPLINE_ALERTS"]).open()]
elif watches:
    for old in [*SPOOL.glob("*.pcapng"), ALERTS]:
        old.unlink(missing_ok=True)
    pcapline("replay", "--spool", SPOOL, "--speed", "max", "--merge", *CAPTURES)
    pcapline("watch", "--once", "--spool", SPOOL, "--model", MODEL, "--alerts", ALERTS, "--dedup", "-1s", "--alert-rate", 1e6, "--alert-burst", 1000000)
    alerts = [json.loads(line) for line in ALERTS.open()]
else:
    pcapline("score", "-o", WORK / "alerts.parquet", MODEL, *CAPTURES)
    alerts = scored(WORK / "alerts.parquet")
len(alerts)

# %% [markdown]
# One alert, whole:

# %%
alerts[0]

# %% [markdown]
# ## When, and what
#
# Thousands of alerts are a few stories. In operation `watch` sends alike ones once a minute (`--dedup`) and counts the rest.

# %%
a = pd.json_normalize(alerts)
a["at"] = pd.to_datetime(a["flow.start"], utc=True, format="ISO8601")
order = a["class"].value_counts().index
second = (a["at"] - a["at"].min()).dt.total_seconds()

fig, ax = plt.subplots()
for i, (name, colour) in enumerate(zip(order, COLOURS * 4)):
    part = a["class"] == name
    ax.scatter(second[part], [i] * part.sum(), s=8 + a["flow.packets"][part].clip(upper=400), color=colour, alpha=0.35, linewidths=0)
ax.set_yticks(range(len(order)), [f"{c} ({n})" for c, n in a["class"].value_counts().items()])
ax.invert_yaxis()
ax.set(title="Alerts by the class that the model finds most likely; larger: more packets", xlabel=f"seconds since {a['at'].min():%Y-%m-%d %H:%M:%S} UTC")
save(fig, "6_alerts_over_time")

# %% [markdown]
# ## Who, to whom
#
# A story is a source, a target and a class. The first alert of each is where to begin reading.

# %%
stories = (
    a.groupby(["flow.src_ip", "flow.dst_ip", "class"], dropna=False)
    .agg(alerts=("score", "size"), ports=("flow.dst_port", "nunique"), first=("at", "min"), last=("at", "max"),
         highest=("score", "max"), community_id=("flow.community_id", "first"))
    .sort_values("alerts", ascending=False).reset_index()
)
stories.head(12)

# %% [markdown]
# ## Why
#
# What a column adds: by how much the log-odds of an attack fall when it says what it says of a typical benign flow.

# %%
why = pd.DataFrame([{"class": x["class"], "column": f["column"], "log_odds": f["log_odds"]} for x in alerts for f in x["features"]])
if len(why):
    shown = [c for c in order if c in set(why["class"])][:4]
    fig, axes = plt.subplots(1, len(shown), figsize=(3.1 * len(shown), 3.8), squeeze=False)
    for ax, name, colour in zip(axes[0], shown, COLOURS):
        part = why[why["class"] == name]
        top = (part.groupby("column").log_odds.sum() / (a["class"] == name).sum()).nlargest(7)[::-1]
        ax.barh(top.index, top, color=colour)
        ax.set(title=name, xlabel="log-odds an alert, mean")
        ax.tick_params(axis="y", labelsize=8)
        ax.grid(axis="y", visible=False)
    fig.suptitle("Columns that spoke for an attack", x=0.01, ha="left")
    save(fig, "6_why")
else:
    print("These alerts come from score, which does not explain; watch does.")

# %% [markdown]
# ## Its packets
#
# `segment` and `offset` say where the first packet's block begins, so that nothing has to be searched. Here the block is read
# by hand: an enhanced packet block of pcapng has type 6, its length, interface, time, and then the frame.

# %%
def first_packet(alert):
    with open(SPOOL / alert["capture"]["segment"], "rb") as f:
        f.seek(alert["capture"]["offset"])
        kind, _, _, high, low, kept, length = struct.unpack("<7I", f.read(28))
        assert kind == 6, kind
        return {"ts_ns": high << 32 | low, "captured": kept, "on the wire": length, "frame": f.read(min(kept, 64)).hex(" ", 2)}


if watches and "PCAPLINE_ALERTS" not in os.environ:
    print(json.dumps(first_packet(alerts[0]), indent=1))

# %% [markdown]
# The whole conversation, for Wireshark, out of the captures that the alert is from:

# %%
_ = pcapline("slice", "-o", WORK / "alert.pcapng", "--community-id", alerts[0]["flow"]["community_id"], *CAPTURES)
_ = pcapline("info", WORK / "alert.pcapng")
