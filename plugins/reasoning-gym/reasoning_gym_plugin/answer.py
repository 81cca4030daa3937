"""What of a completion is the answer."""

from __future__ import annotations

import re

from reasoning_gym.utils import extract_answer


def extracted(completion: str, how: str) -> str | None:
    """The answer, or `None` where the completion has none: the scorers have a score for that too."""
    if how == "whole":
        return completion
    answer = extract_answer(completion)
    if answer is not None or how == "tag":
        return answer
    box = re.search(r"\\boxed\{([^}]+)\}", completion)
    return box.group(1).strip() if box else completion.strip()
