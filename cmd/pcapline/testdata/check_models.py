"""Scores a dataset's rows with exported models, as other programs do.

usage: check_models.py DIR

DIR has a dataset, and for each name in DIR/names.txt name.onnx,
name.safetensors, name.csv (the scores that pcapline gives the full table) and
name.json (the model's header). onnxruntime must give the same scores to 1e-6,
and the safetensors must be the weights of the graph.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnx.numpy_helper
import onnxruntime
import pandas
from safetensors.numpy import load_file

TOLERANCE = 1e-6
folder = pathlib.Path(sys.argv[1])
parts = [pandas.read_parquet(p) for p in sorted((folder / "dataset" / "data").glob("*.parquet"))]
rows = pandas.concat(parts)

for name in (folder / "names.txt").read_text().split():
    header = json.loads((folder / f"{name}.json").read_text())
    x = rows[header["columns"]].to_numpy(dtype=numpy.float32)
    want = pandas.read_csv(folder / f"{name}.csv").iloc[rows["row"]]
    model = onnx.load(folder / f"{name}.onnx")
    onnx.checker.check_model(model, full_check=True)
    metadata = {p.key: p.value for p in model.metadata_props}
    assert json.loads(metadata["pcapline.columns"]) == header["columns"], name
    session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
    score, alert, probabilities = session.run(["score", "alert", "probabilities"], {"features": x})
    worst = numpy.abs(score - want["score"].to_numpy()).max()
    assert worst <= TOLERANCE, f"{name}: scores differ by {worst}"
    assert score.std() > 0.01 or name == "none", f"{name}: the scores are all alike, which proves nothing"
    near = numpy.abs(score - header["threshold"]["value"]) <= TOLERANCE
    called = want["alert"].to_numpy(dtype=bool)
    assert (near | (alert == called)).all(), f"{name}: other alerts"
    assert probabilities.shape == (len(x), len(header["classes"])), name
    assert numpy.allclose(probabilities.sum(axis=1), 1, atol=1e-5), name
    # Values far outside of what training saw, and one row alone.
    wild = x * numpy.float32(-1e6)
    assert numpy.isfinite(session.run(["score"], {"features": wild[:1]})[0]).all(), name
    tensors = load_file(folder / f"{name}.safetensors")
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in model.graph.initializer}
    layers = [n for n in model.graph.node if n.op_type == "Gemm"]
    assert len(tensors) == 2 * len(layers), name
    for i, layer in enumerate(layers):
        weight, bias = constants[layer.input[1]], constants[layer.input[2]]
        assert numpy.array_equal(tensors[f"layers.{i}.weight"], weight.T), f"{name}: weights of layer {i}"
        assert numpy.array_equal(tensors[f"layers.{i}.bias"], bias), f"{name}: biases of layer {i}"
    print(f"{name}: {len(x)} rows, scores differ by at most {numpy.abs(score - want['score'].to_numpy()).max():.2g}")
