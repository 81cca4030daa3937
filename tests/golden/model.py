"""Writes tests/golden/{llama,qwen2,qwen3,llama3}: tiny random checkpoints, and what `transformers` computes with them.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install torch==2.11.0 transformers safetensors
    /tmp/golden/bin/python tests/golden/model.py

Each directory is a Hugging Face checkpoint, and beside it `expected.safetensors` holds inputs and results:
`tokens`, `logits` of an unpadded batch; `*_left` and `*_right` of a padded one with its mask; `log_probs` and
`entropy` at temperature 0.7; and `generated`, greedy continuations of the left-padded prompts.
"""

import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
VOCABULARY = 64
PAD = 0

SHARED = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=128,
    pad_token_id=PAD,
    bos_token_id=1,
    eos_token_id=2,
)


def llama():
    """Every head its own keys, an output projection of its own, no biases."""
    config = transformers.LlamaConfig(**SHARED, num_key_value_heads=4, tie_word_embeddings=False, rms_norm_eps=1e-5)
    return transformers.LlamaForCausalLM(config)


def llama3():
    """Llama with the scaled positions of Llama 3.1, over a context so short that slow and fast ones are in it."""
    scaled = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    config = transformers.LlamaConfig(
        **SHARED,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        rope_parameters={**scaled, "rope_theta": 500.0, "original_max_position_embeddings": 64},
    )
    return transformers.LlamaForCausalLM(config)


def qwen2():
    """Grouped queries, tied embeddings, biases, another rotary base."""
    config = transformers.Qwen2Config(
        **SHARED,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )
    return transformers.Qwen2ForCausalLM(config)


def qwen3():
    """Norms of queries and keys, heads wider than their share of the stream, biases on all projections of attention."""
    config = transformers.Qwen3Config(
        **SHARED,
        num_key_value_heads=2,
        head_dim=12,
        attention_bias=True,
        tie_word_embeddings=False,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )
    return transformers.Qwen3ForCausalLM(config)


def randomise(model):
    """Draws every parameter, norms and biases too, wide enough for logits of the order of 1."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in name else 0.0, 0.3)


def pad(rows, side):
    width = max(map(len, rows))
    tokens = torch.full((len(rows), width), PAD)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for row, values in enumerate(rows):
        columns = slice(width - len(values), None) if side == "left" else slice(len(values))
        tokens[row, columns] = values
        mask[row, columns] = 1
    return tokens, mask


def positions(mask):
    return (mask.cumsum(1) - 1).clamp(min=0)


def expected(model):
    tokens = torch.randint(3, VOCABULARY, (3, 40))
    logits = model(tokens).logits
    log_softmax = (logits / 0.7).log_softmax(-1)[:, :-1]
    results = {
        "tokens": tokens,
        "logits": logits,
        "log_probs": log_softmax.gather(-1, tokens[:, 1:, None])[..., 0],
        "entropy": -(log_softmax.exp() * log_softmax).sum(-1),
    }
    rows = [tokens[0, :17], tokens[1, :5], tokens[2, :11]]
    for side in ("left", "right"):
        padded, mask = pad(rows, side)
        results |= {
            f"tokens_{side}": padded,
            f"mask_{side}": mask,
            f"logits_{side}": model(padded, attention_mask=mask, position_ids=positions(mask)).logits,
        }
    model.generation_config.eos_token_id = None
    generated = model.generate(
        results["tokens_left"], attention_mask=results["mask_left"], do_sample=False, max_new_tokens=12
    )
    results["generated"] = generated[:, results["tokens_left"].shape[1] :]
    return {name: tensor.contiguous() for name, tensor in results.items()}


def main():
    for seed, (name, make) in enumerate({"llama": llama, "qwen2": qwen2, "qwen3": qwen3, "llama3": llama3}.items()):
        torch.manual_seed(seed)
        model = make().eval()
        randomise(model)
        directory = HERE / name
        shutil.rmtree(directory, ignore_errors=True)
        # The second in shards, so that reading them is tested.
        model.save_pretrained(directory, max_shard_size="5GB" if name == "llama" else "40KB")
        (directory / "generation_config.json").unlink(missing_ok=True)
        with torch.no_grad():
            save_file(expected(model), directory / "expected.safetensors")


if __name__ == "__main__":
    main()
