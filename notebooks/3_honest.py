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
# # 3. Is this dataset honest?
#
# A detector that scores 99.9 % may have learned what an attack is, or which minute of the recording it is in. Before a
# model is trained, `pcapline audit` looks for what gives the labels away. The verdict on the bundled captures is a plain
# one: *fail*. Floods and scans dominate, and one column finds nearly all of them. With `--gate` a failed check is exit
# status 4, so that a build stops there.

# %%
import json

import pandas as pd
import matplotlib.pyplot as plt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import balanced_accuracy_score

from line import BLUE, GREEN, GREY, ORANGE, OUT, RED, WORK, pcapline, save

# %%
_ = pcapline("audit", "--gate", "-o", WORK / "audit.json", OUT / "dataset", status=4)
audit = json.loads((WORK / "audit.json").read_text())

# %%
verdicts = pd.DataFrame([{"check": c["name"], "verdict": c["verdict"], "first finding": c["findings"][0]} for c in audit["checks"]])
verdicts.style.set_properties(**{"text-align": "left", "white-space": "normal"}).hide(axis="index")

# %% [markdown]
# ## One column is enough
#
# How well does each column alone tell attacks from benign flows, by one threshold found on training rows and judged on
# held-out rows? 50 % is a coin.

# %%
one = pd.DataFrame(audit["columns"]).sort_values("balanced", ascending=False).head(15)[::-1]
fig, ax = plt.subplots(figsize=(9, 4.8))
bars = ax.barh(one.rule, 100 * one.balanced, color=[RED if b >= 0.95 else BLUE for b in one.balanced])
ax.bar_label(bars, fmt="%.1f", padding=3)
ax.axvline(50, color=GREY)
ax.set(title="A dataset that one rule solves (red: 95 % and more)", xlabel="balanced accuracy of the rule alone, % of held-out rows", xlim=(45, 104))
ax.grid(axis="y", visible=False)
save(fig, "3_one_column")

# %% [markdown]
# ## The split decides what the figure means
#
# The same flows and the same learner, three splits. *random* draws rows, so that pieces of one scan lie on both sides; *time*
# cuts each capture in two; *capture* holds whole captures out, and with them kinds of attack that were never seen. Only
# the last one asks what happens on another day.

# %%
SPLITS = ["random", "time", "capture"]
for split in SPLITS:
    pcapline("prepare", "--split", split, "-o", WORK / f"split_{split}", OUT / "flows.parquet")

# %%
def part(split, name):
    d = pd.read_parquet(next((WORK / f"split_{split}" / "data").glob(f"{name}-*.parquet")))
    named = ["label_name", "label_value", "label_index", "split", "row", "capture", "start_ns", "end_ns", "group"]
    return d.drop(columns=named), d.label_value, d.label_name


def judged(split, hide=()):
    """A learner's recall of each class on held-out rows, and its balanced accuracy."""
    x, y, _ = part(split, "train")
    xt, yt, name = part(split, "test")
    keep = [c for c in x if not c.startswith(tuple(hide))] if hide else list(x)
    model = HistGradientBoostingClassifier(max_iter=12, max_bins=63, random_state=0).fit(x[keep], y)
    got = model.predict(xt[keep])
    recall = pd.Series(got == yt).groupby(name.values).mean()
    return {"balanced accuracy": balanced_accuracy_score(yt, got), "benign": recall["benign"],
            "mean over attack classes": recall.drop("benign").mean(), "worst attack class": recall.drop("benign").min()}


results = pd.DataFrame({s: judged(s) for s in SPLITS})
# What a host did before is the strongest evidence of scans and floods; without those columns a flow stands for itself.
BEHAVIOUR = ("src_1", "src_6", "dst_1", "dst_6", "svc_")
alone = pd.DataFrame({s: judged(s, BEHAVIOUR) for s in SPLITS})
results.round(4)

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True)
for ax, table, title in zip(axes, (results, alone), ("all features", "without what hosts did before")):
    for i, (split, colour) in enumerate(zip(SPLITS, (GREY, ORANGE, GREEN))):
        x = [k + (i - 1) * 0.27 for k in range(len(table))]
        bars = ax.bar(x, 100 * table[split], 0.27, color=colour, label=split)
        ax.bar_label(bars, fmt="%.0f", fontsize=8)
    ax.set_xticks(range(len(table)), ["balanced\naccuracy", "benign\nleft alone", "attacks found,\nmean of classes", "worst\nclass"])
    ax.set(title=title, ylim=(0, 112))
    ax.grid(axis="x", visible=False)
axes[0].set_ylabel("% of held-out rows")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, title="split")
save(fig, "3_splits")

# %% [markdown]
# A random split answers a question that nobody asks: how well are these very recordings known? `prepare` warns of it, and
# the metadata keeps the word.
