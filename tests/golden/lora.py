"""Writes tests/golden/NAME_lora for each of ADAPTERS: an adapter as PEFT saves it, and what PEFT computes with it.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install torch==2.11.0 transformers==5.17.0 peft==0.21.2
    /tmp/golden/bin/python tests/golden/lora.py

Each belongs to the checkpoint tests/golden/NAME that model.py wrote. `expected.safetensors` holds `tokens`, `logits`,
`log_probs` at temperature 0.7, and `gradient.*`, under gavel's names, of the sum of the `log_probs` times the sines of 1, 2,
3 ....
"""

import json
import pathlib
import shutil

import peft
import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent

# Projections apart and biases; two projections in one matrix, scaled by the root of the rank.
ADAPTERS = {
    "qwen2": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"]),
    "phi3": dict(r=3, lora_alpha=2, target_modules="all-linear", use_rslora=True),
}


def write(name, options):
    base = transformers.AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float32)
    config = peft.LoraConfig(task_type="CAUSAL_LM", **options)
    model = peft.get_peft_model(base, config)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "lora_" in parameter_name:
                parameter.normal_(0.0, 0.2)
    tokens = torch.randint(3, base.config.vocab_size, (3, 20))
    logits = model(tokens).logits
    log_softmax = (logits / 0.7).log_softmax(-1)[:, :-1]
    log_probs = log_softmax.gather(-1, tokens[:, 1:, None])[..., 0]
    (log_probs.flatten() * torch.arange(1.0, log_probs.numel() + 1).sin()).sum().backward()
    gradients = {
        "gradient." + name.removeprefix("base_model.model.").replace(".default", ""): parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    directory = HERE / f"{name}_lora"
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    (directory / "README.md").unlink(missing_ok=True)
    # PEFT writes the path that the model was loaded from, which is another one everywhere.
    path = directory / "adapter_config.json"
    saved = json.loads(path.read_text())
    saved["base_model_name_or_path"] = f"../{name}"
    path.write_text(json.dumps(saved, indent=2, sort_keys=True) + "\n")
    results = {"tokens": tokens, "logits": logits, "log_probs": log_probs, **gradients}
    results = {name: tensor.detach().contiguous() for name, tensor in results.items()}
    save_file(results, directory / "expected.safetensors")


for seed, (name, options) in enumerate(ADAPTERS.items()):
    torch.manual_seed(seed)
    write(name, options)
