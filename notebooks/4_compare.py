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
# # 4. Train, evaluate, compare
#
# `make run` trained a small network on `out/dataset` and judged it beside four baselines. The dataset is plain Parquet,
# so anything else can be trained on the same rows, and be judged on the same held-out times: here scikit-learn and
# LightGBM.

# %%
import json

import lightgbm as lgb
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from line import COLOURS, OUT, WORK, pcapline, save

# %%
NAMED = ["label_name", "label_value", "label_index", "split", "row", "capture", "start_ns", "end_ns", "group"]
parts = {p: pd.read_parquet(next((OUT / "dataset" / "data").glob(f"{p}-*.parquet"))) for p in ("train", "validation", "test")}
X = {p: d.drop(columns=NAMED) for p, d in parts.items()}
y = {p: d.label_value for p, d in parts.items()}
{p: d.shape for p, d in X.items()}

# %% [markdown]
# ## The network's own scores
#
# `score` gives every flow its score; the dataset's `row` column is the number of the flow in the table.

# %%
_ = pcapline("score", "-o", WORK / "scored.parquet", OUT / "model.pcapline", OUT / "flows.parquet")
network = pd.read_parquet(WORK / "scored.parquet", columns=["score"]).score.to_numpy()
scores = {"pcapline's network": {p: network[d.row] for p, d in parts.items()}}

# %% [markdown]
# ## Others, on the same rows
#
# The network chose its settings by validation rows. So may these; the defaults do.

# %%
names = {c: f"f{i}" for i, c in enumerate(X["train"].columns)}  # LightGBM wants names without brackets and commas
learners = {
    "LightGBM": lgb.LGBMClassifier(n_estimators=120, random_state=0, n_jobs=1, deterministic=True, verbose=-1),
    "random forest": RandomForestClassifier(100, random_state=0, n_jobs=1),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
}
for name, learner in learners.items():
    learner.fit(X["train"].rename(columns=names), y["train"])
    scores[name] = {p: learner.predict_proba(x.rename(columns=names))[:, 1] for p, x in X.items()}

# %% [markdown]
# ## At one per cent of false alarms
#
# For each detector the threshold that 1 % of the *validation* part's benign rows reach; then recall of each class in the test.
# The mean over classes is what counts: one flood has more flows than all other attacks together.

# %%
def at_one_percent(s):
    benign = s["validation"][y["validation"] == 0]
    return np.quantile(benign, 0.99, method="higher")


table, recalls = [], {}
for name, s in scores.items():
    alarm = s["test"] > min(at_one_percent(s), np.nextafter(1, 0))
    by_class = pd.Series(alarm).groupby(parts["test"].label_name.values).mean()
    recalls[name] = by_class.drop("benign")
    table.append({"detector": name, "PR-AUC": average_precision_score(y["test"], s["test"]), "false alarms": by_class["benign"],
                  "recall, mean over classes": recalls[name].mean(), "recall, all flows": alarm[y["test"] == 1].mean()})
pd.DataFrame(table).set_index("detector").style.format("{:.4f}")

# %%
heat = pd.DataFrame(recalls).T
fig, ax = plt.subplots(figsize=(10, 3.6))
image = ax.imshow(100 * heat, aspect="auto", cmap="RdYlGn", vmin=0, vmax=100)
for i in range(heat.shape[0]):
    for j in range(heat.shape[1]):
        ax.text(j, i, f"{100 * heat.iloc[i, j]:.0f}", ha="center", va="center", fontsize=9, color="white" if heat.iloc[i, j] > 0.85 else "black")
counts = parts["test"].label_name.value_counts()
ax.set_xticks(range(heat.shape[1]), [f"{c} ({counts[c]})" for c in heat.columns], rotation=40, ha="right", rotation_mode="anchor")
ax.set_yticks(range(heat.shape[0]), heat.index)
ax.grid(visible=False)
ax.set_title("Attacks found at 1 % false alarms, % of held-out flows (their number in brackets)")
save(fig, "4_recall_by_class")

# %% [markdown]
# ## What a real network would see
#
# In the test part 86 % of flows are attacks. In a network it may be one in a thousand, and then most alarms are false,
# whoever raises them: precision = recall·π / (recall·π + false alarms·(1−π)). With 806 benign rows, a rate of no false alarms
# at all would only say that it is probably below 0.4 % (the rule of three), so that is what is drawn as its bound.

# %%
fig, (ax, ops) = plt.subplots(1, 2, figsize=(10, 4.2))
styles = dict(zip(scores, zip(COLOURS, ("-", "--", "-.", ":"))))  # lines may lie on each other
allowed = np.logspace(-3, -1, 60)
benign, attack = y["test"] == 0, parts["test"].label_name[y["test"] == 1]
for name, s in scores.items():
    edges = np.quantile(s["test"][benign], 1 - allowed, method="higher")
    found = [pd.Series(s["test"][~benign] > min(e, np.nextafter(1, 0))).groupby(attack.values).mean().mean() for e in edges]
    ax.plot(100 * allowed, 100 * np.array(found), *styles[name][1:], color=styles[name][0], lw=2, label=name)
ax.set(title="What fewer false alarms cost", xscale="log", xlabel="false alarms, % of benign flows (log)", ylabel="recall, mean over classes, %")
ax.legend(loc="lower right")

rates = np.logspace(-4, -0.5, 60)
for row in table:
    colour, style = styles[row["detector"]]
    fpr = max(row["false alarms"], 3 / int((y["test"] == 0).sum()))
    recall = row["recall, mean over classes"]
    ops.plot(100 * rates, 100 * recall * rates / (recall * rates + fpr * (1 - rates)), style, color=colour, lw=2)
ops.axvline(0.1, color="#999999", lw=1)
ops.text(0.11, 95, "one in a thousand", fontsize=9, color="#555555")
ops.set(title="Where attacks are rare", xscale="log", xlabel="share of flows that are attacks, % (log)", ylabel="precision, %", ylim=(0, 101))
save(fig, "4_precision")

# %% [markdown]
# ## What pcapline's own evaluation says
#
# With intervals by a bootstrap over captures, and with a verdict: on this dataset the network is no better than boosted
# trees, and one rule comes close by PR-AUC. `out/report.html` has all of it.

# %%
result = json.loads((OUT / "eval.json").read_text())
pd.DataFrame([{"against": c["baseline"], "figure": c["figure"], "lead": c["lead"], "from": c["interval"]["low"], "to": c["interval"]["high"],
               "verdict": c["verdict"]} for c in result["comparisons"]])
