"""Golden values for `crates/gavel-model`: what the package `gguf` reads from blocks of every format.

    python -m venv venv && venv/bin/pip install gguf==0.19.0 && venv/bin/python tests/golden/gguf_blocks.py

The bytes are random, but for the scales, which are drawn so that no number is infinite.
"""

import json
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Format
from gguf.quants import dequantize

FORMATS = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]

# Where the half-precision scales of a block are.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def main():
    random = np.random.default_rng(0)
    golden = {}
    for name in FORMATS:
        numbers, size = GGML_QUANT_SIZES[Format[name]]
        if name in SCALES:
            blocks = random.integers(0, 256, (3, size), dtype=np.uint8)
            for at in SCALES[name]:
                blocks[:, at : at + 2] = random.normal(size=(3, 1)).astype(np.float16).view(np.uint8)
            data = blocks.reshape(-1)
        elif name == "BF16":
            data = (random.normal(size=16).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        else:
            data = random.normal(size=16).astype({"F32": np.float32, "F16": np.float16}[name]).view(np.uint8)
        source = data.view({"F32": np.float32, "F16": np.float16}.get(name, np.uint8))
        read = dequantize(source, Format[name]).astype(np.float64).reshape(-1)
        golden[name] = {"block": [numbers, size], "bytes": data.tolist(), "numbers": read.tolist()}
    Path(__file__).with_name("gguf_blocks.json").write_text(json.dumps(golden) + "\n")


main()
