"""Loads an adapter that gavel wrote with PEFT, and compares logits with those beside it.

    python tests/parity/load_adapter.py DIRECTORY
"""

import pathlib
import sys

import torch
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file

directory = pathlib.Path(sys.argv[1])
expected = load_file(directory / "expected.safetensors")
model = AutoPeftModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
with torch.no_grad():
    difference = (model(expected["tokens"]).logits - expected["logits"]).abs().max().item()
assert difference <= 1e-4, difference
