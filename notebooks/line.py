"""What the notebooks share: where things lie, how pcapline is run, how figures look.

Everything else in them is plain DuckDB, polars, pandas and scikit-learn on the
files that pcapline writes.
"""

import json
import os
import pathlib
import subprocess

import matplotlib.pyplot as plt
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(os.environ.get("PCAPLINE_OUT", ROOT / "out"))  # what `make run` wrote
WORK = OUT / "notebooks"  # what the notebooks write
GALLERY = pathlib.Path(os.environ.get("PCAPLINE_GALLERY", WORK / "gallery"))
LAB = ROOT / "testdata" / "lab"

# Okabe and Ito's colours, which people with any colour vision tell apart.
BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999",
)
COLOURS = [BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY]

plt.rcParams.update({
    "figure.figsize": (9, 4.2), "figure.dpi": 100, "figure.constrained_layout.use": True,
    "axes.prop_cycle": plt.cycler(color=COLOURS), "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.alpha": 0.3, "axes.titlelocation": "left", "axes.titlesize": 12,
    "font.size": 10, "legend.frameon": False,
})


def pcapline(*args, status=0, lines=None):
    """Runs pcapline, prints what it says, or its first lines, and insists on its exit status."""
    done = subprocess.run([ROOT / "bin" / "pcapline", "-q", *map(str, args)], cwd=ROOT, capture_output=True, text=True)
    print(f"$ pcapline {' '.join(str(a).replace(f'{ROOT}/', '') for a in args)}")
    said = done.stdout.rstrip().split("\n")
    print("\n".join(said[:lines] + ["…"] * (lines is not None and len(said) > lines)).replace(f"{ROOT}/", ""))
    if done.returncode != 0:
        print(done.stderr.rstrip().replace(f"{ROOT}/", ""))
    if done.returncode != status:
        raise RuntimeError(f"exit status {done.returncode}, want {status}")
    return done.stdout


def captures(table):
    """The names of a table's captures, by file_id, without their endings."""
    inputs = json.loads(pq.read_schema(table).metadata[b"pcapline.inputs"])
    return [i["file"].split(".")[0] for i in inputs]


def save(fig, name):
    """Shows a figure in the notebook and keeps it in the gallery."""
    GALLERY.mkdir(parents=True, exist_ok=True)
    fig.savefig(GALLERY / f"{name}.png", metadata={"Software": None})


WORK.mkdir(parents=True, exist_ok=True)
