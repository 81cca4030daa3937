"""Writes gsm8k/PRESET.jsonl: a hundred rows for each preset of `[columns]`, in the shapes that the other files here have.

    python3 tests/rows/gsm8k.py MODEL_SOLUTIONS.jsonl

The problems are GSM8K's, the completions those of OpenAI's fine-tuned models with their labels (openai/grade-school-math,
MIT). The last line of a completion, `A: 18`, is written as the prompt here asks for it. The even rows (from 0) are right,
the odd ones wrong.
"""

import json
import re
import sys
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Iterator

ROWS = 100
ASKS = "{} Put the answer into \\boxed{{}}."
ANSWER = re.compile(r"\nA: (-?[\d.,]+)$")

Row = dict[str, Any]


def solutions(path: Path) -> Iterator[tuple[str, str, str]]:
    """Prompt, completion and ground truth of as many right and wrong solutions as are needed, in turn."""

    def labelled(right: bool) -> Iterator[Row]:
        rows = map(json.loads, path.read_text().splitlines())
        return (row for row in rows if row["label"] is right and ANSWER.search(row["completion"]))

    for pair in islice(zip(labelled(True), labelled(False)), ROWS // 2):
        for row in pair:
            completion = ANSWER.sub(lambda found: f"\nThe answer is \\boxed{{{found[1]}}}.", row["completion"])
            yield ASKS.format(row["problem"]), completion, row["gold"]


def said(role: str, text: str) -> list[Row]:
    return [{"role": role, "content": text}]


def trl(at: int, prompt: str, completion: str, truth: str) -> Row:
    match at % 3:
        case 0:
            return {"prompt": prompt, "completion": completion, "solution": f"${truth}$"}
        case 1:
            return {"prompt": said("user", prompt), "completion": said("assistant", completion), "solution": truth}
        case _:
            return {"step": 40, "prompt": prompt, "completion": completion, "ground_truth": truth, "advantage": 0.5}


def verl(at: int, prompt: str, completion: str, truth: str) -> Row:
    split = {"split": "test", "index": at}
    match at % 3:
        case 0:
            model = {"style": "rule", "ground_truth": truth}
            return {
                "data_source": "openai/gsm8k",
                "prompt": said("user", prompt),
                "ability": "math",
                "reward_model": model,
                "extra_info": {**split, "answer": f"#### {truth}", "question": prompt},
                "response": completion,
            }
        case 1:
            return {"input": f"user\n{prompt}\nassistant\n", "output": completion, "gts": truth, "score": 0.0, "step": 7}
        case _:
            return {
                "data_source": "openai/gsm8k",
                "prompt": prompt,
                "solution_str": completion,
                "ground_truth": truth,
                "extra_info": split,
            }


def openrlhf(at: int, prompt: str, completion: str, truth: str) -> Row:
    label = {"label": truth} if at % 2 else {"answer": truth}
    return {"input": prompt, "output": completion, **label, "datasource": "gsm8k"}


def nemo_gym(at: int, prompt: str, completion: str, truth: str) -> Row:
    asked = [{"content": [{"text": prompt, "type": "input_text"}], "role": "user", "type": "message"}]
    reasoning = [{"id": f"rs_{at}", "summary": [], "type": "reasoning", "encrypted_content": None}] if at % 2 else []
    text = {"annotations": [], "text": completion, "type": "output_text", "logprobs": []}
    message = {"id": f"msg_{at}", "content": [text], "role": "assistant", "status": "completed", "type": "message"}
    return {
        "responses_create_params": {"input": asked, "tools": [], "parallel_tool_calls": True},
        "response": {"id": f"resp_{at}", "model": "m", "object": "response", "output": [*reasoning, message]},
        "reward": 0.0,
        "expected_answer": truth,
        "_ng_task_index": at,
    }


def verifiers(at: int, prompt: str, completion: str, truth: str) -> Row:
    return {
        "example_id": at,
        "prompt": said("user", prompt),
        "completion": said("assistant", completion),
        "answer": truth,
        "task": "gsm8k",
        "reward": 0.0,
        "info": {"level": at % 5},
    }


PRESETS: dict[str, Callable[[int, str, str, str], Row]] = {
    "trl": trl,
    "verl": verl,
    "openrlhf": openrlhf,
    "nemo-gym": nemo_gym,
    "verifiers": verifiers,
}


def main() -> None:
    of_each = list(solutions(Path(sys.argv[1])))
    assert len(of_each) == ROWS, len(of_each)
    folder = Path(__file__).parent / "gsm8k"
    folder.mkdir(exist_ok=True)
    for name, shape in PRESETS.items():
        rows = [json.dumps(shape(at, *one), ensure_ascii=False) for at, one in enumerate(of_each)]
        (folder / f"{name}.jsonl").write_text("".join(f"{row}\n" for row in rows))


if __name__ == "__main__":
    main()
