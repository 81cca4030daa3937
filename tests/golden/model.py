"""Writes a directory of tests/golden for each of MODELS: tiny random checkpoints, and what `transformers` computes with them.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install torch==2.11.0 transformers safetensors
    /tmp/golden/bin/python tests/golden/model.py [NAME ...]

Each directory is a Hugging Face checkpoint, and beside it `expected.safetensors` holds inputs and results:
`tokens`, `logits` of an unpadded batch; `*_left` and `*_right` of a padded one with its mask; `log_probs` and
`entropy` at temperature 0.7; `gradient.*`, under gavel's names, of the sum of the `log_probs` times the sines of 1, 2, 3 ...;
`generated`, greedy continuations of the left-padded prompts; and, where a softmax chooses experts, `aux_loss` with its
gradients `aux_gradient.*`.
"""

import json
import pathlib
import re
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

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


def default_rope(theta):
    return {"rope_type": "default", "rope_theta": theta}


def yarn():
    """Llama with YaRN, over a context so short that slow and fast positions are in it."""
    config = transformers.LlamaConfig(
        **SHARED,
        num_key_value_heads=2,
        tie_word_embeddings=False,
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": 500.0,
            "factor": 4.0,
            "beta_fast": 4.0,
            "original_max_position_embeddings": 32,
        },
    )
    return transformers.LlamaForCausalLM(config)


def mistral():
    """A window in every layer, shorter than the texts."""
    config = transformers.MistralConfig(
        **SHARED, num_key_value_heads=2, tie_word_embeddings=False, sliding_window=7, rope_parameters=default_rope(1e4)
    )
    return transformers.MistralForCausalLM(config)


def qwen2_window():
    """A window in the second layer alone."""
    config = transformers.Qwen2Config(
        **SHARED,
        num_key_value_heads=2,
        tie_word_embeddings=False,
        use_sliding_window=True,
        sliding_window=9,
        max_window_layers=1,
        rope_parameters=default_rope(1e6),
    )
    return transformers.Qwen2ForCausalLM(config)


def smollm3():
    """The second layer without positions."""
    config = transformers.SmolLM3Config(
        **SHARED,
        num_key_value_heads=2,
        no_rope_layers=[1, 0],
        tie_word_embeddings=True,
        rope_parameters=default_rope(2e6),
    )
    return transformers.SmolLM3ForCausalLM(config)


def phi3():
    """Positions for half of each head, and a window."""
    rope = {**default_rope(1e4), "partial_rotary_factor": 0.5}
    config = transformers.Phi3Config(
        **SHARED, num_key_value_heads=2, tie_word_embeddings=False, sliding_window=11, rope_parameters=rope
    )
    return transformers.Phi3ForCausalLM(config)


def olmo2():
    """Norms of all queries and keys, and after layers."""
    config = transformers.Olmo2Config(
        **SHARED, num_key_value_heads=2, tie_word_embeddings=False, rope_parameters=default_rope(5e5)
    )
    return transformers.Olmo2ForCausalLM(config)


def gemma():
    """Norms by one more than their weight, scaled embeddings, GELU, heads wider than their share of the stream."""
    config = transformers.GemmaConfig(
        **SHARED, num_key_value_heads=1, head_dim=12, tie_word_embeddings=True, rope_parameters=default_rope(1e4)
    )
    return transformers.GemmaForCausalLM(config)


def gemma2():
    """Caps so low that they bend scores and logits, scores scaled by another number, a window in the first layer."""
    config = transformers.Gemma2Config(
        **SHARED,
        num_key_value_heads=2,
        head_dim=12,
        query_pre_attn_scalar=5,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0,
        sliding_window=8,
        tie_word_embeddings=True,
        rope_parameters=default_rope(1e4),
    )
    # The other implementations leave the cap of scores out.
    config._attn_implementation = "eager"
    return transformers.Gemma2ForCausalLM(config)


def gemma3():
    """A window with positions of its own in the first layer, those of the second stretched; a head of its own."""
    config = transformers.Gemma3TextConfig(
        **SHARED,
        num_key_value_heads=2,
        head_dim=12,
        query_pre_attn_scalar=16,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
        tie_word_embeddings=False,
        rope_parameters={
            "sliding_attention": default_rope(1e2),
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e4},
        },
    )
    return transformers.Gemma3ForCausalLM(config)


def qwen3_moe():
    """Two of five experts for each token, whose weights add up to 1."""
    config = transformers.Qwen3MoeConfig(
        **SHARED,
        num_key_value_heads=2,
        moe_intermediate_size=16,
        num_experts=5,
        num_experts_per_tok=2,
        norm_topk_prob=True,
        tie_word_embeddings=False,
        rope_parameters=default_rope(1e6),
    )
    return transformers.Qwen3MoeForCausalLM(config)


def mixtral():
    """Experts under names of their own, and a window."""
    config = transformers.MixtralConfig(
        **{**SHARED, "intermediate_size": 16},
        num_key_value_heads=2,
        num_local_experts=4,
        num_experts_per_tok=2,
        sliding_window=9,
        tie_word_embeddings=False,
        rope_parameters=default_rope(1e6),
    )
    return transformers.MixtralForCausalLM(config)


def olmoe():
    """Three of five experts, whose weights add up to less than 1, and norms of all queries and keys."""
    config = transformers.OlmoeConfig(
        **{**SHARED, "intermediate_size": 16},
        num_key_value_heads=2,
        num_experts=5,
        num_experts_per_tok=3,
        tie_word_embeddings=False,
        rope_parameters=default_rope(1e4),
    )
    return transformers.OlmoeForCausalLM(config)


def olmo3():
    """A window in the first layer, and YaRN in the second alone."""
    config = transformers.Olmo3Config(
        **SHARED,
        num_key_value_heads=2,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
        tie_word_embeddings=False,
        rope_parameters={
            "sliding_attention": default_rope(300.0),
            "full_attention": {
                "rope_type": "yarn",
                "rope_theta": 300.0,
                "factor": 4.0,
                "beta_fast": 4.0,
                "original_max_position_embeddings": 32,
            },
        },
    )
    return transformers.Olmo3ForCausalLM(config)


def deepseek_v3():
    """Latents of queries too, a dense layer first, experts in groups with a correction that matters, YaRN that changes scores."""
    config = transformers.DeepseekV3Config(
        **{**SHARED, "num_hidden_layers": 3},
        **DEEPSEEK,
        q_lora_rank=12,
        n_group=4,
        topk_group=2,
        first_k_dense_replace=1,
        tie_word_embeddings=False,
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": 500.0,
            "factor": 4.0,
            "beta_fast": 4.0,
            "mscale": 0.7,
            "mscale_all_dim": 1.3,
            "original_max_position_embeddings": 32,
        },
    )
    return transformers.DeepseekV3ForCausalLM(config)


def deepseek_v3_plain():
    """Queries without latents, positions in halves, one group, two shared experts, weights of experts as they are."""
    config = transformers.DeepseekV3Config(
        **SHARED,
        **{**DEEPSEEK, "n_shared_experts": 2},
        q_lora_rank=None,
        n_group=1,
        topk_group=1,
        first_k_dense_replace=0,
        norm_topk_prob=False,
        rope_interleave=False,
        tie_word_embeddings=True,
        rope_parameters=default_rope(1e4),
    )
    return transformers.DeepseekV3ForCausalLM(config)


def deepseek_v3_fp8():
    """Its matrices in files as 8-bit numbers with a scale for each block, and biases on the projections of attention."""
    config = transformers.DeepseekV3Config(
        **SHARED,
        **DEEPSEEK,
        q_lora_rank=12,
        n_group=2,
        topk_group=1,
        first_k_dense_replace=1,
        attention_bias=True,
        tie_word_embeddings=False,
        rope_parameters=default_rope(1e4),
    )
    return transformers.DeepseekV3ForCausalLM(config)


def qwen3_moe_mixed():
    """Experts in the second of four layers alone: every other one could have them, and one of these is named."""
    config = transformers.Qwen3MoeConfig(
        **{**SHARED, "num_hidden_layers": 4},
        num_key_value_heads=2,
        moe_intermediate_size=16,
        num_experts=5,
        num_experts_per_tok=2,
        norm_topk_prob=False,
        decoder_sparse_step=2,
        mlp_only_layers=[3],
        tie_word_embeddings=True,
        rope_parameters=default_rope(1e6),
    )
    return transformers.Qwen3MoeForCausalLM(config)


def phi3_longrope():
    """Factors of its own for every frequency of three fourths of each head, within a context that is stretched eightfold."""
    config = transformers.Phi3Config(
        **{**SHARED, "max_position_embeddings": 512},
        num_key_value_heads=2,
        tie_word_embeddings=False,
        original_max_position_embeddings=64,
        rope_parameters={
            **default_rope(1e4),
            "rope_type": "longrope",
            "partial_rotary_factor": 0.75,
            "short_factor": [1.0, 1.7, 2.9],
            "long_factor": [1.0, 4.0, 9.0],
        },
    )
    return transformers.Phi3ForCausalLM(config)


# Keys and queries, values and latents of widths that differ, so that none is taken for another.
DEEPSEEK = dict(
    num_key_value_heads=4,
    kv_lora_rank=14,
    qk_nope_head_dim=10,
    qk_rope_head_dim=6,
    v_head_dim=9,
    moe_intermediate_size=16,
    n_routed_experts=8,
    n_shared_experts=1,
    num_experts_per_tok=3,
    routed_scaling_factor=1.7,
    # Norms of latents have one of their own, 1e-6, whatever this says.
    rms_norm_eps=1e-3,
)

# In this order, which the seeds follow.
MODELS = [
    llama, qwen2, qwen3, llama3, yarn, mistral, qwen2_window, smollm3, phi3, olmo2, gemma, gemma2, gemma3,
    qwen3_moe, mixtral, olmoe, olmo3, deepseek_v3, deepseek_v3_plain, deepseek_v3_fp8,
    qwen3_moe_mixed, phi3_longrope,
]  # fmt: skip


def randomise(model):
    """Draws every parameter, norms and biases too, wide enough for logits of the order of 1."""
    norm = 0.0 if "Gemma" in type(model).__name__ else 1.0
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(norm if "norm" in name else 0.0, 0.3)
        for name, buffer in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                # Of the order of the differences between scores, so that it decides for some tokens.
                buffer.normal_(0.0, 0.2)


# Rows and columns of a block of 8-bit numbers. Those of DeepSeek-V3 have 128 of each.
BLOCK = 16


def round_to_fp8(model):
    """Rounds the matrices of layers, but for routers, to what 8-bit numbers and their scales say; gives both by name."""
    stored = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("model.layers.") or parameter.dim() < 2 or "mlp.gate." in name:
                continue
            for part, matrix in parts_of(name, parameter):
                numbers, scales = quantized(matrix)
                matrix.copy_(dequantized(numbers, scales))
                stored[part], stored[f"{part}_scale_inv"] = numbers, scales
    return stored


def parts_of(name, parameter):
    """The matrices of a parameter, as views with the names that files have for them."""
    if parameter.dim() == 2:
        return [(name, parameter)]
    prefix, kind = name.rsplit(".", 1)
    found = []
    for expert, matrix in enumerate(parameter):
        if kind == "gate_up_proj":
            gate, up = matrix.chunk(2)
            found += [(f"{prefix}.{expert}.gate_proj.weight", gate), (f"{prefix}.{expert}.up_proj.weight", up)]
        else:
            found.append((f"{prefix}.{expert}.{kind}.weight", matrix))
    return found


def blocks(matrix):
    for row in range(0, matrix.shape[0], BLOCK):
        for column in range(0, matrix.shape[1], BLOCK):
            yield row // BLOCK, column // BLOCK, (slice(row, row + BLOCK), slice(column, column + BLOCK))


def quantized(matrix):
    numbers = torch.empty(matrix.shape, dtype=torch.float8_e4m3fn)
    scales = torch.empty(-(-matrix.shape[0] // BLOCK), -(-matrix.shape[1] // BLOCK))
    for row, column, block in blocks(matrix):
        scales[row, column] = matrix[block].abs().max() / torch.finfo(torch.float8_e4m3fn).max
        numbers[block] = (matrix[block] / scales[row, column]).to(torch.float8_e4m3fn)
    return numbers, scales


def dequantized(numbers, scales):
    matrix = numbers.float()
    for row, column, block in blocks(matrix):
        matrix[block] *= scales[row, column]
    return matrix


def save_fp8(model, stored, directory):
    """As files of DeepSeek-V3 are: the 8-bit numbers and scales in the place of the matrices that they stand for."""
    model.save_pretrained(directory)
    tensors = load_file(directory / "model.safetensors") | stored
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((directory / "config.json").read_text())
    config["quantization_config"] = {
        "activation_scheme": "dynamic",
        "fmt": "e4m3",
        "quant_method": "fp8",
        "weight_block_size": [BLOCK, BLOCK],
    }
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")


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


def gradients(model, log_probs):
    """Of all parameters, where gavel holds several tensors as one, one under the other."""
    (log_probs.flatten() * torch.arange(1.0, log_probs.numel() + 1).sin()).sum().backward()
    return of_parameters(model)


def of_parameters(model):
    found = {}
    for name, parameter in model.named_parameters():
        name = re.sub(r"\.(q|k|v|q_a)_proj", ".qkv_proj", name).replace(".kv_a_proj_with_mqa", ".qkv_proj")
        name = re.sub(r"\.(gate|up)_proj", ".gate_up_proj", name)
        if isinstance(model, transformers.MixtralForCausalLM):
            # As files have it.
            name = name.replace(".mlp.gate.", ".block_sparse_moe.gate.")
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        if ".experts." in name:
            # Those of all experts in a tensor of three dimensions.
            name, gradient = name.replace("experts.", "") + ".weight", gradient.flatten(0, 1)
        found.setdefault(f"gradient.{name}", []).append(gradient)
    return {name: torch.cat(parts) for name, parts in found.items()}


def balance(model, tokens):
    """The loss that evens out the load of experts, of all tokens but each row's last, and its gradients; TRL adds it."""
    model.zero_grad()
    loss = model(tokens[:, :-1], output_router_logits=True).aux_loss
    loss.backward()
    found = {name.replace("gradient.", "aux_gradient."): tensor for name, tensor in of_parameters(model).items()}
    return {"aux_loss": loss, **found}


def expected(model):
    tokens = torch.randint(3, VOCABULARY, (3, 40))
    logits = model(tokens).logits
    log_softmax = (logits / 0.7).log_softmax(-1)[:, :-1]
    log_probs = log_softmax.gather(-1, tokens[:, 1:, None])[..., 0]
    results = {
        "tokens": tokens,
        "logits": logits,
        "log_probs": log_probs,
        "entropy": -(log_softmax.exp() * log_softmax).sum(-1),
        **gradients(model, log_probs),
    }
    if hasattr(model, "router_aux_loss_coef"):
        results |= balance(model, tokens)
    with torch.no_grad():
        results |= padded_and_generated(model, tokens)
    return {name: tensor.detach().contiguous() for name, tensor in results.items()}


def padded_and_generated(model, tokens):
    rows = [tokens[0, :17], tokens[1, :5], tokens[2, :11]]
    results = {}
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
    return results


def main(names):
    for seed, make in enumerate(MODELS):
        if names and make.__name__ not in names:
            continue
        torch.manual_seed(seed)
        model = make().eval()
        randomise(model)
        directory = HERE / make.__name__
        shutil.rmtree(directory, ignore_errors=True)
        if make is deepseek_v3_fp8:
            save_fp8(model, round_to_fp8(model), directory)
        else:
            # Most in shards, so that reading them is tested.
            model.save_pretrained(directory, max_shard_size="5GB" if make is llama else "40KB")
        (directory / "generation_config.json").unlink(missing_ok=True)
        save_file(expected(model), directory / "expected.safetensors")


if __name__ == "__main__":
    main(sys.argv[1:])
