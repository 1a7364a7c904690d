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
# # 2. From a corpus to a labelled dataset
#
# A corpus is captures and a truth: a list of what was done when, by whom, to whom. Public ones have it in sixteen forms,
# which pcapline knows by their content; for CIC-IDS2017 and CSE-CIC-IDS2018 corrected rules are built in:
#
# ```
# pcapline flows -o flows.parquet --pack cic-ids2017 --span CIC-IDS2017/PCAPs/
# pcapline label --rules NUSW-NB15_GT.csv --report fit.html -o labelled flows.parquet
# ```
#
# Here the same is done with the captures that come with pcapline, which need no download.

# %%
import json

import duckdb
import pandas as pd
import matplotlib.pyplot as plt

from line import BLUE, GREY, LAB, ORANGE, RED, SKY, WORK, captures, pcapline, save

# %% [markdown]
# ## Captures to flows
#
# The ledger says that nothing was lost: packets in = rows + skipped.

# %%
FLOWS = WORK / "flows.parquet"
_ = pcapline("flows", "-o", FLOWS, LAB)

# %% [markdown]
# ## Do the labels fit?
#
# Before anything is written: what does each rule hit, what does none cover, and is the truth's clock the captures'?

# %%
_ = pcapline("label", "--rules", LAB / "truth.csv", "--dry-run", FLOWS)

# %% [markdown]
# A truth in another time zone is the most common mistake with public corpora. Three hours off, and pcapline refuses, with
# status 4, naming the shift that would fit:

# %%
truth = pd.read_csv(LAB / "truth.csv", dtype=str)
shifted = truth.assign(**{c: (truth[c].astype(float) + 3 * 3600).map("{:.6f}".format) for c in ("start", "end")})
shifted.to_csv(WORK / "truth_three_hours_late.csv", index=False)
_ = pcapline("label", "--rules", WORK / "truth_three_hours_late.csv", "--dry-run", FLOWS, status=4)

# %% [markdown]
# With the right clock the table gets its label columns. A row that no rule covers is *unknown*, which is not benign.

# %%
_ = pcapline("label", "--rules", LAB / "truth.csv", "-o", WORK / "labelled", FLOWS)

# %%
LABELLED = WORK / "labelled" / "flows.parquet"
names = captures(LABELLED)
f = duckdb.sql(f"select file_id, ts_ns, coalesce(label_class, 'unknown') as class, label from '{LABELLED}'").df()
f["second"] = (f.ts_ns - f.groupby("file_id").ts_ns.transform("min")) / 1e9

fig, ax = plt.subplots(figsize=(9, 5.2))
for class_, colour, size in (("benign", SKY, 8), ("attack", RED, 4)):
    part = f[f["class"] == class_]
    ax.scatter(part.second, part.file_id + (0.18 if class_ == "attack" else -0.18), s=size, c=colour, label=class_, alpha=0.5, linewidths=0)
ax.set_yticks(range(len(names)), names)
ax.invert_yaxis()
ax.set(title="Each flow at its start: attacks, and benign work beside and around them", xlabel="seconds since its capture began")
ax.legend(loc="lower right", markerscale=2.5)
save(fig, "2_labels_over_time")

# %% [markdown]
# ## A dataset
#
# The split is by time inside each capture, with a purge gap. Everything that is fitted is fitted on training rows.

# %%
DATASET = WORK / "dataset"
_ = pcapline("prepare", "-o", DATASET, LABELLED)

# %%
meta = json.loads((DATASET / "cleaned_metadata.json").read_text())
counts = pd.DataFrame(meta["counts"]).T[["train", "valid", "test", "purged"]].sort_values("train", ascending=False)
counts

# %%
fig, ax = plt.subplots(figsize=(9, 4.8))
for i, (part, colour) in enumerate(zip(["train", "valid", "test"], [BLUE, ORANGE, GREY])):
    ax.bar([x + (i - 1) * 0.28 for x in range(len(counts))], counts[part], 0.28, color=colour, label=part)
ax.set_yscale("log")
ax.set_ylim(bottom=0.7)
ax.set_xticks(range(len(counts)), counts.index, rotation=60, ha="right", rotation_mode="anchor")
ax.grid(axis="x", visible=False)
ax.set(title="Rows of each class by part: some attacks are one flow, and no split can test them", ylabel="flows (log)")
ax.legend()
save(fig, "2_classes_by_part")

# %% [markdown]
# The folder has the layout of the Hugging Face hub, so `datasets.load_dataset(DATASET)` reads it, and so does anything that
# reads Parquet. The metadata names inputs by SHA-256, schema, seeds, counts and the ledger:

# %%
{k: meta[k] for k in ("rows", "seeds", "schema_hash", "ledger")} | {"first input": meta["inputs"][0]}
