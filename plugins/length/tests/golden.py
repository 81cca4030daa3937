"""Writes golden.jsonl: rewards computed from the formulas of the papers, for tests/golden.rs to compare with.

Run it as `python3 plugins/length/tests/golden.py`; it needs the standard library alone.
"""

import json
import math
import pathlib
import random


def soft_overlong(length, max_completion_len, soft_punish_cache):
    """DAPO, eq. 13: 0, then ((L_max - L_cache) - |y|) / L_cache, then -1."""
    free = max_completion_len - soft_punish_cache
    if length <= free:
        return 0.0
    if length <= max_completion_len:
        return (free - length) / soft_punish_cache
    return -1.0


def cosine(length, correct, max_len, wrong, right):
    """Demystifying Long CoT, appendix C.1: from r_0 at length 0 to r_L at max_len."""
    at_zero, at_end = (right[1], right[0]) if correct else (wrong[0], wrong[1])
    progress = min(length / max_len, 1.0)
    return at_end + 0.5 * (at_zero - at_end) * (1 + math.cos(math.pi * progress))


def repetition(text, ngram_size, max_penalty):
    """Demystifying Long CoT, appendix C.2, over words: the share of n-grams that are not the first of their kind."""
    words = text.lower().split()
    ngrams = [tuple(words[start : start + ngram_size]) for start in range(len(words) - ngram_size + 1)]
    return max_penalty * (1 - len(set(ngrams)) / len(ngrams)) if ngrams else 0.0


def rows(dice):
    for longest, cache in [(100, 20), (16384, 4096), (512, 512), (300, 0), (7, 3)]:
        free = longest - cache
        for length in sorted({0, 1, free - 1, free, free + 1, (free + longest) // 2, longest, longest + 1, 9 * longest}):
            if length >= 0:
                options = {"kind": "soft-overlong", "max_completion_len": longest, "soft_punish_cache": cache}
                columns = {"completion_tokens": length}
                yield options, columns, "", soft_overlong(length, longest, cache)
    for longest, wrong, right in [(1000, (-1.0, -0.5), (0.5, 1.0)), (37, (-10.0, 0.0), (1.0, 2.0))]:
        for length in [0, 1, longest // 3, longest // 2, longest - 1, longest, longest + 1, 2 * longest]:
            for correct in [True, False]:
                options = {"kind": "cosine", "max_len": longest}
                options |= {"min_value_wrong": wrong[0], "max_value_wrong": wrong[1]}
                options |= {"min_value_correct": right[0], "max_value_correct": right[1]}
                columns = {"completion_tokens": length, "correct": correct}
                yield options, columns, "", cosine(length, correct, longest, wrong, right)
    for ngram_size, max_penalty in [(1, -1.0), (2, -0.5), (3, -1.0), (5, -2.0), (20, -0.05)]:
        for vocabulary, length in [(1, 30), (2, 100), (5, 200), (50, 300), (1000, 40), (3, 4), (3, 0)]:
            words = [f"{dice.choice(['w', 'W'])}{dice.randrange(vocabulary)}" for _ in range(length)]
            text = "".join(word + dice.choice([" ", "\n", "  "]) for word in words)
            options = {"kind": "repetition", "ngram_size": ngram_size, "max_penalty": max_penalty}
            yield options, {}, text, repetition(text, ngram_size, max_penalty)


def main():
    lines = [
        json.dumps({"options": options, "metadata": metadata, "completion": completion, "reward": reward})
        for options, metadata, completion, reward in rows(random.Random(0))
    ]
    pathlib.Path(__file__).with_name("golden.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
