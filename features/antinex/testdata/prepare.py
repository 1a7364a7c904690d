"""Prepares a dataset in the steps in which AntiNex's programs do, with the pandas at
hand: the reference that the Go code is held against.

    python prepare.py RULES.json OUT_DIR TABLE.csv...

RULES.json has post_proc_rules, label_rules (with one label each) and utils, which
says whether antinex-utils is followed or the script.
"""

import json
import sys

import pandas as pd

rules = json.load(open(sys.argv[1]))
out, paths = sys.argv[2], sys.argv[3:]
post, label, utils = rules["post_proc_rules"], rules["label_rules"], rules["utils"]


def read(path):
    table = pd.read_csv(path)
    for name in table.columns:  # texts were objects when the original was written
        if table[name].dtype == "str":
            table[name] = table[name].astype(object)
    return table


headers = ["src_file"]
for path in paths:
    headers += [h for h in read(path).columns if h not in headers]

mark = post.get("mark_empty") if utils else None
rows = []
for path in paths:
    table = read(path)
    if mark:
        table = table.fillna(value=mark)
    for _, cells in table.iterrows():
        row = dict.fromkeys(headers, mark)
        row["src_file"] = path
        for h in headers:
            if h in cells:
                row[h] = cells[h]
            elif mark:
                row[h] = mark
        if label:
            row["label_value"], row["label_name"] = label["label_values"][0], label["labels"][0]
        rows.append(row)

full = pd.DataFrame(rows)
full = full[sorted(full.columns)]
full.to_csv(out + "/full.csv", index=False, encoding="utf-8")

if utils:
    predict = post.get("predict_feature") or ("label_name" if "label_name" in headers else None)
else:
    predict = "label_name"
ignore = [predict] if label and predict else []
ignore += [c for c in post.get("drop_columns", []) if c in headers]
features = [c for c in full.columns if c not in ignore]
keep = features + ([predict] if predict else [])
clean = full[keep].dropna(axis=1, how="all")
if not (utils and "keep_nans" in post):
    clean = clean.dropna()
clean = clean.drop(columns=[predict] if predict in clean.columns else [])
clean = clean.drop(columns=[c for c in clean.columns if c in ignore])
clean.to_csv(out + "/cleaned.csv", index=False, encoding="utf-8")
