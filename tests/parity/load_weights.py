"""Loads directories that gavel wrote with `transformers`, and compares the logits of each with those beside it.

    python tests/parity/load_weights.py DIRECTORY ...
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

for directory in map(pathlib.Path, sys.argv[1:]):
    expected = load_file(directory / "expected.safetensors")
    # The other implementations leave the caps of Gemma 2 out.
    model, report = AutoModelForCausalLM.from_pretrained(
        directory, output_loading_info=True, attn_implementation="eager"
    )
    assert not report["missing_keys"] and not report["unexpected_keys"], (directory, report)
    with torch.no_grad():
        difference = (model(expected["tokens"]).logits - expected["logits"]).abs().max().item()
    assert difference <= 1e-4, (directory, difference)
