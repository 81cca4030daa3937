"""Makes completions as long as those of models on MATH, and says what judging them cost.

    python3 cost.py rows ../../../../shared/data > rows.jsonl
    gavel score --reward reward.toml -j 1 rows.jsonl -o scored.jsonl
    python3 cost.py fuel scored.jsonl

`rows` writes 1,377 completions of 400 to 2,300 bytes, half of them below 1,100: working in LaTeX, and then an answer of
math_pairs, right, of another task, or in a spelling of its own. `reward.toml` has one verifier with `plugin = "math"`.
"""

import json
import random
import statistics
import sys
from pathlib import Path

WORKING = [
    "To solve this problem, we first note that $f(x) = x^2 - 4x + 7$ can be written as $(x-2)^2 + 3$.",
    r"Let's denote the number of ways by $N$. We have \[\binom{8}{3} = \frac{8!}{3!\,5!} = 56.\]",
    r"Substituting $x = \frac{1}{2}$ gives $2\left(\frac{1}{2}\right)^2 - 3\cdot\frac{1}{2} + 1 = 0$, so it is a root.",
    "## Step 2: Simplify\n" r"We factor out $\sqrt{3}$: $$\sqrt{12} + \sqrt{27} = 2\sqrt{3} + 3\sqrt{3} = 5\sqrt{3}.$$",
    r"By the Pythagorean theorem, $AC = \sqrt{9 + 16} = 5$, and the ratio of the areas is $\left(\frac{3}{5}\right)^2$.",
    r"Therefore the sum of the roots is $-\frac{b}{a} = 4$ and the product is $\frac{c}{a} = 7$, by Vieta's formulas.",
    r"Now we expand: \begin{align*} (a+b)^3 &= a^3 + 3a^2b + 3ab^2 + b^3 \\ &= 27. \end{align*}",
    "We check the original inequality. For $x < 0$ the left side is negative, which is a contradiction.",
    r"The possible values are $1, 2, 4, 8$ and $16$, of which three are less than $7$: the probability is $\frac{3}{5}$.",
    "Finally, we add up all the contributions and find that the total is what we were asked for.",
]


def rows(data: Path):
    dice = random.Random(7)
    pairs = [json.loads(line) for line in (data / "math_pairs/pairs.jsonl").read_text().splitlines()]
    for at, pair in enumerate(pairs):
        working = "\n\n".join(dice.choice(WORKING) for _ in range(dice.choice([4, 6, 8, 10, 12, 14, 20])))
        other = pairs[(7 * at + 3) % len(pairs)]["gold"]
        boxed = "The final answer is $\\boxed{%s}$."
        answer = [boxed % pair["gold"], boxed % other, pair["pred"]][at % 3]
        yield {"prompt": "Solve it.", "completion": f"{working}\n\n{answer}", "reference": pair["gold"]}


def fuels(value):
    """What was spent, wherever a scored row says so."""
    if isinstance(value, dict):
        if value.get("fuel") is not None:
            return [value["fuel"]]
        return [fuel for inner in value.values() for fuel in fuels(inner)]
    return []


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["rows", data]:
            for row in rows(Path(data)):
                print(json.dumps(row))
        case ["fuel", scored]:
            lines = Path(scored).read_text().splitlines()
            spent = sorted(fuel for line in lines for fuel in fuels(json.loads(line)))
            middle, high = spent[len(spent) // 2], spent[len(spent) * 99 // 100]
            print(f"{len(spent)}: p50 {middle:,}, mean {statistics.mean(spent):,.0f}, p99 {high:,}, most {spent[-1]:,}")
        case _:
            sys.exit(__doc__)
