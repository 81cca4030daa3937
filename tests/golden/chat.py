"""Golden values for `crates/gavel-model`: conversations as `transformers` renders them with public chat templates.

    python -m venv venv && venv/bin/pip install transformers==5.17.0 jinja2==3.1.6
    venv/bin/python tests/golden/chat.py .gavel/tools/trl/trl/chat_templates

The templates are those of the models, as TRL 1.16 carries them (`cargo xtask setup` lays it down); their text is not
kept here, only its digest, so that a golden is never compared with another template. A row without `expected` is a
conversation that the template refuses.
"""

import hashlib
import json
import sys
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

TEMPLATES = [
    "cohere", "cohere2", "deepseek_r1_distill", "deepseekv3", "diffusion_gemma", "gemma", "gemma3", "gemma4", "gemma4_v2",
    "gemma4_v3", "gemma4_v4", "gemma4_v5", "glm4moe", "gptoss", "idefics3", "lfm2", "lfm2_2_5", "lfm2_2_5_v2",
    "lfm2_2_5_vl", "lfm2_v2", "llama3", "llama3_1", "llama3_2", "llava_next", "muse_glimmer", "nemotron_3_5_lightning",
    "nemotron_3_nano", "nemotron_3_super", "nemotron_3_ultra", "phi3", "phi3_5", "qwen2_5", "qwen2_5_training",
    "qwen2_5_vl", "qwen3", "qwen3_training", "qwen3_instruct_2507", "qwen3_5_nothink", "qwen3_5_think", "qwen3_6",
    "qwen3_8", "qwen3_vl", "smolvlm",
]

SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}

# strftime_now says the day that the tests' `ChatTemplate::with_date` says.
DATE = "2026-11-30"

TOOL = {
    "type": "function",
    "function": {
        "name": "temperature",
        "description": "The temperature of a place, in \u00b0C; <not> a forecast & it's free.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "a \"city\""},
                "days": {"type": "integer", "default": 1, "enum": [1, 2]},
                "exact": {"type": "boolean", "default": False},
            },
            "required": ["place"],
        },
    },
}

USER = {"role": "user", "content": "What is 2 + 2?"}
SYSTEM = {"role": "system", "content": "  You are terse.\n"}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"type": "function", "id": "call12345", "function": {"name": "temperature", "arguments": {"place": "Z\u00fcrich", "days": 2}}}
    ],
}

CONVERSATIONS = {
    "one question": ([USER], {}),
    "no generation prompt": ([USER], {"add_generation_prompt": False}),
    "a system prompt": ([SYSTEM, USER], {}),
    "several turns": (
        [USER, {"role": "assistant", "content": "4"}, {"role": "user", "content": " And 3 + 3?\n\n"}],
        {},
    ),
    "an answer with thoughts": (
        [
            SYSTEM, USER,
            {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\n4"},
            {"role": "user", "content": "Sure? {{ not a tag }} <|im_end|>"},
            {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nYes."},
        ],
        {"add_generation_prompt": False},
    ),
    "thoughts apart": (
        [USER, {"role": "assistant", "reasoning_content": "Two and two.", "content": "4"}, USER],
        {},
    ),
    "thinking off": ([USER], {"enable_thinking": False}),
    "thinking on": ([SYSTEM, USER], {"enable_thinking": True}),
    "a tool": ([USER], {"tools": [TOOL]}),
    "a tool that is called": (
        [SYSTEM, USER, CALL, {"role": "tool", "tool_call_id": "call12345", "name": "temperature", "content": "{\"t\": 21.5}"}],
        {"tools": [TOOL]},
    ),
    "letters of all kinds": ([{"role": "user", "content": "\u4f60\u597d \U0001d11e e\u0301 \t 'a' \"b\" <c> & \\n"}], {}),
    "an answer that is gone on with": (
        [USER, {"role": "assistant", "content": "<think>\n\n</think>\n\nThe sum is "}],
        {"continue_final_message": True, "add_generation_prompt": False},
    ),
    "two questions": ([USER, USER], {}),
    "no message": ([], {}),
}


def main():
    folder = Path(sys.argv[1])
    # The function is defined within the one that compiles templates, so the clock is what is replaced.
    import transformers.utils.chat_template_utils as utils

    class Clock(utils.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromisoformat(DATE)

    utils.datetime = Clock
    with open(Path(__file__).with_name("chat.jsonl"), "w") as file:
        for name in TEMPLATES:
            text = (folder / f"{name}.jinja").read_text()
            for conversation, (messages, options) in CONVERSATIONS.items():
                options = {"add_generation_prompt": True, **options}
                row = {
                    "template": name,
                    "sha256": hashlib.sha256(text.encode()).hexdigest(),
                    "conversation": conversation,
                    "messages": messages,
                    "options": options,
                }
                try:
                    rendered, _ = render_jinja_template([messages], chat_template=text, **options, **SPECIAL_TOKENS)
                    row["expected"] = rendered[0]
                except Exception as error:
                    print(f"{name}, {conversation}: {type(error).__name__}: {error}", file=sys.stderr)
                file.write(json.dumps(row, ensure_ascii=True) + "\n")


main()
