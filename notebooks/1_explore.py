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
# # 1. Explore a capture
#
# `make run` made two tables of 22 captures: `packets.parquet`, a row for each packet, and `flows.parquet`, a row for
# each conversation. Every dataframe library reads them. Here DuckDB asks for the mix of protocols over time, polars for
# the hosts that talk most, pandas for which host goes to which port.
#
# `pcapline fields --table flows` says what each column means, in which unit, and where it is from.

# %%
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm

from line import LAB, OUT, captures, save

FLOWS, PACKETS = str(OUT / "flows.parquet"), str(OUT / "packets.parquet")
names = captures(FLOWS)

# %% [markdown]
# ## What is there
#
# DuckDB reads only the columns that a query names.

# %%
duckdb.sql(f"""
    select proto_name as protocol, count(*) as flows, sum(flow_packets)::bigint as packets,
           round(sum(flow_bytes) / 1e6, 1) as megabytes, round(median(duration) * 1000, 2) as median_ms
    from '{FLOWS}' group by 1 order by packets desc
""").df()

# %% [markdown]
# ## Protocols over time
#
# One capture in which somebody tunnels a TCP session through DNS while others work. The grey span is the tunnel's, from
# the lab's truth.

# %%
CAPTURE = "tunnel_dns"
start = duckdb.sql(f"select min(ts_ns) from '{PACKETS}' where file_id = {names.index(CAPTURE)}").fetchall()[0][0]
mix = duckdb.sql(f"""
    select ((ts_ns - {start}) // 1000000000)::int as second,
           case when dns_id is not null then 'DNS'
                when tls_record_type is not null or 443 in (tcp_src_port, tcp_dst_port) then 'TLS'
                when 22 in (tcp_src_port, tcp_dst_port) then 'SSH'
                when tcp_src_port is not null then 'other TCP'
                when udp_src_port is not null then 'other UDP'
                else 'other' end as protocol,
           sum(frame_len) / 1000 as kilobytes
    from '{PACKETS}' where file_id = {names.index(CAPTURE)} group by 1, 2 order by 1
""").df().pivot(index="second", columns="protocol", values="kilobytes").fillna(0)
mix = mix.reindex(range(mix.index.max() + 1), fill_value=0)
mix = mix[mix.sum().sort_values(ascending=False).index]

truth = pd.read_csv(LAB / "truth.csv")
rows = truth[truth.file.str.startswith(CAPTURE + ".")]
attack = rows[rows.label != "benign"]

fig, ax = plt.subplots()
ax.axvspan(attack.start.min() - start / 1e9, attack.end.max() - start / 1e9, color="#dddddd", label="attack, by the truth")
below = np.zeros(len(mix))
for protocol in mix:
    ax.bar(mix.index + 0.5, mix[protocol], 0.9, bottom=below, label=protocol)
    below += mix[protocol]
ax.set(title=f"A DNS tunnel beside an office's work ({CAPTURE})", xlabel="seconds since the capture began",
       ylabel="kB on the wire a second", xlim=(0, mix.index.max() + 1))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
save(fig, "1_protocols_over_time")

# %% [markdown]
# ## Who talks most
#
# polars, lazily: a flow counts for both of its ends.

# %%
flows = pl.scan_parquet(FLOWS).filter(pl.col("src_ip").is_not_null())
sent = flows.select(host="src_ip", sent="fwd_bytes", received="bwd_bytes", peer="dst_ip")
back = flows.select(host="dst_ip", sent="bwd_bytes", received="fwd_bytes", peer="src_ip")
talkers = (
    pl.concat([sent, back]).group_by("host")
    .agg(pl.col("sent", "received").sum() / 1e6, peers=pl.col("peer").n_unique(), flows=pl.len())
    .sort(pl.col("sent") + pl.col("received"), "host", descending=True).head(12).collect()
)
talkers

# %%
fig, ax = plt.subplots()
y = np.arange(len(talkers))[::-1]
ax.barh(y + 0.2, talkers["sent"], 0.4, label="sent")
ax.barh(y - 0.2, talkers["received"], 0.4, label="received")
ax.set_yticks(y, talkers["host"])
ax.set(title="Hosts by volume, all captures", xlabel="MB on the wire")
ax.grid(axis="y", visible=False)
ax.legend()
save(fig, "1_top_talkers")

# %% [markdown]
# ## Who goes where
#
# pandas: destination ports by source. A scanner is a bright row: many ports, few flows each. A service is a bright
# column.

# %%
f = pd.read_parquet(FLOWS, columns=["src_ip", "dst_port", "proto_name", "label"])
f = f[f.proto_name.isin(["tcp", "udp"]) & f.dst_port.notna()]
f["service"] = f.proto_name + "/" + f.dst_port.astype(int).astype(str)
ports, hosts = f.service.value_counts().head(24).index, f.src_ip.value_counts().head(14).index
heat = pd.crosstab(f.src_ip, f.service).reindex(index=hosts, columns=ports, fill_value=0)
spread = f.groupby("src_ip").dst_port.nunique().reindex(hosts)

fig, (ax, side) = plt.subplots(1, 2, figsize=(10, 4.8), width_ratios=[5, 1], sharey=True)
image = ax.imshow(heat.where(heat > 0), aspect="auto", cmap="viridis_r", norm=LogNorm())
ax.set_xticks(range(len(ports)), ports, rotation=90)
ax.set_yticks(range(len(hosts)), hosts)
ax.grid(visible=False)
ax.set(title="Flows by source and destination port", xlabel="the 24 busiest ports")
fig.colorbar(image, ax=ax, label="flows (log)", pad=0.01)
side.barh(range(len(hosts)), spread)
side.set(title="Different ports", xscale="log", xlabel="ports (log)")
side.grid(axis="y", visible=False)
save(fig, "1_ports")
