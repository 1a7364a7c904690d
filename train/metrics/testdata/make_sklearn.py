"""Writes sklearn.json: figures that scikit-learn computes on seeded rows.

Run with scikit-learn 1.9 or later: python make_sklearn.py > sklearn.json
"""
import json
import sys
import warnings

import numpy as np
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

warnings.filterwarnings("ignore")
rng = np.random.default_rng(7)


def number(x):
    return None if np.isnan(x) else float(x)


def scored(name, n, decimals, share):
    truth = rng.random(n) < share
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * truth - 0.7)))
    score = np.round(score, decimals).astype(np.float32)
    fpr, tpr, thresholds = m.roc_curve(truth, score, drop_intermediate=False)
    threshold = 0.5
    called = score >= threshold
    fits = fpr <= 0.05
    precision, _, at = m.precision_recall_curve(truth, score)
    # Scores on a bin's border belong to the bin above here, to the one below
    # in scikit-learn: a tiny step up puts them on one side for both.
    wide = np.nextafter(score.astype(float), 2)
    prob_true, prob_pred = calibration_curve(truth, np.minimum(wide, 1), n_bins=10)
    sizes = np.unique(np.minimum((wide * 10).astype(int), 9), return_counts=True)[1]
    return {
        "name": name,
        "scores": [float(s) for s in score],
        "attack": [bool(t) for t in truth],
        "roc_auc": number(m.roc_auc_score(truth, score)),
        "average_precision": number(m.average_precision_score(truth, score)),
        "recall_at_5": number(tpr[fits].max()),
        "brier": number(m.brier_score_loss(truth, np.clip(score.astype(float), 0, 1))),
        "accuracy": number(m.accuracy_score(truth, called)),
        "balanced_accuracy": number(m.balanced_accuracy_score(truth, called)),
        "precision": number(m.precision_score(truth, called, zero_division=np.nan)),
        "recall": number(m.recall_score(truth, called, zero_division=np.nan)),
        "f1": number(m.f1_score(truth, called, zero_division=np.nan)),
        "mcc": number(m.matthews_corrcoef(truth, called)),
        "fpr": [float(x) for x in fpr[1:]],
        "tpr": [float(x) for x in tpr[1:]],
        "ppv": [float(x) for x in precision[:-1][::-1]],
        "prob_true": [float(x) for x in prob_true],
        "prob_pred": [float(x) for x in prob_pred],
        "ece": float(np.sum(sizes * np.abs(prob_true - prob_pred)) / n),
    }


def classified(name, n, classes, absent=()):
    truth = rng.integers(0, classes, n)
    truth = np.where(np.isin(truth, absent), 0, truth)
    predicted = np.where(rng.random(n) < 0.6, truth, rng.integers(0, classes - 1, n))
    labels = list(range(classes))
    p, r, f, _ = m.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=np.nan)
    return {
        "name": name,
        "classes": classes,
        "truth": [int(t) for t in truth],
        "predicted": [int(t) for t in predicted],
        "confusion": m.confusion_matrix(truth, predicted, labels=labels).tolist(),
        "accuracy": number(m.accuracy_score(truth, predicted)),
        "balanced_accuracy": number(m.balanced_accuracy_score(truth, predicted)),
        "mcc": number(m.matthews_corrcoef(truth, predicted)),
        "precision": [number(x) for x in p],
        "recall": [number(x) for x in r],
        "f1": [number(x) for x in f],
    }


json.dump(
    {
        "scored": [
            scored("no ties", 120, 7, 0.3),
            scored("ties", 150, 1, 0.4),
            scored("rare attacks", 140, 2, 0.05),
            scored("all scores near equal", 60, 0, 0.5),
        ],
        "classified": [classified("four classes", 150, 4), classified("a class without rows", 150, 5, absent=(2,))],
    },
    sys.stdout,
    indent=None,
)
