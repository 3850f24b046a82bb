"""Writes rows of a checkpoint as raw little-endian float32 for study.c: extract.py model.safetensors out-folder.

<out>/real-COLUMNS.f32 holds evenly spaced rows of the attention and feed-forward matrices with that many columns.
"""
import sys
import numpy
from safetensors import safe_open

ROWS_PER_MATRIX = 4
LAYERS_APART = 4

rows = {}
with safe_open(sys.argv[1], "np") as checkpoint:
    for name in sorted(checkpoint.keys()):
        parts = name.split(".")
        if not name.endswith("proj.weight") or int(parts[2]) % LAYERS_APART != 0:
            continue
        matrix = checkpoint.get_tensor(name).astype(numpy.float32)
        picked = numpy.linspace(0, len(matrix) - 1, ROWS_PER_MATRIX).astype(int)
        rows.setdefault(matrix.shape[1], []).append(matrix[picked])
for columns, parts in rows.items():
    numpy.concatenate(parts).tofile(f"{sys.argv[2]}/real-{columns}.f32")
    print(columns, sum(len(p) for p in parts))
