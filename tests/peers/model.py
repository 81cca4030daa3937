"""Writes a model of a public shape with random weights, and a tokenizer for it: `model.py SHAPE FOLDER`.

Shapes: `0.5b` (Qwen2.5-0.5B), `1.5b` (Qwen2.5-1.5B), `4b` (Qwen3-4B), `8b` (Qwen3-8B), `tiny` (to try the scripts). A step
costs the same whatever the weights are, so none need be downloaded. Needs torch, transformers and tokenizers.
"""

import json
import pathlib
import random
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

SHAPES = {
    # hidden, intermediate, layers, heads, key and value heads, vocabulary, whether one table is embedding and head
    "0.5b": (896, 4864, 24, 14, 2, 151_936, True),
    "1.5b": (1536, 8960, 28, 12, 2, 151_936, True),
    "4b": (2560, 9728, 36, 32, 8, 151_936, True),
    "8b": (4096, 12288, 36, 32, 8, 151_936, False),
    "tiny": (64, 128, 2, 4, 2, 1_000, True),
}
END = "<|endoftext|>"


def tokenizer(vocabulary: int) -> Tokenizer:
    """A tokenizer without merges: a text is as many tokens as bytes, and a random token is a word of 1 to 12 letters."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [END, *alphabet]
    known, draw = set(tokens), random.Random(0)
    while len(tokens) < vocabulary:
        token = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(1, 12)))
        if token not in known:
            known.add(token)
            tokens.append(token)
    made = Tokenizer(models.BPE(vocab={token: place for place, token in enumerate(tokens)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([END])
    return made


def main() -> None:
    shape, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    hidden, intermediate, layers, heads, key_value_heads, vocabulary, tied = SHAPES[shape]
    is_qwen3 = shape in ("4b", "8b")
    model, kind = (Qwen3ForCausalLM, Qwen3Config) if is_qwen3 else (Qwen2ForCausalLM, Qwen2Config)
    config = kind(
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_value_heads,
        vocab_size=vocabulary,
        max_position_embeddings=32_768,
        rope_theta=1e6,
        tie_word_embeddings=tied,
        **({"head_dim": 128} if is_qwen3 else {}),
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model(config).to(torch.bfloat16).save_pretrained(folder)
    made = tokenizer(vocabulary)
    PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, pad_token=END).save_pretrained(folder)
    draw = random.Random(1)
    with (folder / "tasks.jsonl").open("w") as tasks:
        for _ in range(512):
            prompt = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz ", k=128))
            tasks.write(json.dumps({"prompt": prompt, "reference": "", "correct": True}) + "\n")


if __name__ == "__main__":
    main()
