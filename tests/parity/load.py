"""Loads a directory that gavel wrote with `transformers`, and compares tokens and logits with those beside it.

    python tests/parity/load.py DIRECTORY TEXT
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

directory, text = sys.argv[1:]
expected = load_file(pathlib.Path(directory) / "expected.safetensors")

tokenizer = AutoTokenizer.from_pretrained(directory)
tokens = tokenizer(text, return_tensors="pt").input_ids
assert tokens.equal(expected["tokens"]), (tokens, expected["tokens"])
assert tokenizer.decode(tokens[0]) == text, tokenizer.decode(tokens[0])
assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1)

model, report = AutoModelForCausalLM.from_pretrained(directory, output_loading_info=True)
assert not report["missing_keys"] and not report["unexpected_keys"], report
with torch.no_grad():
    difference = (model(tokens).logits - expected["logits"]).abs().max().item()
assert difference <= 1e-4, difference
