"""A submission for each scorer that fills caches, to warm up with."""

import json

from gavel_plugin import Submission


def _submission(name: str, answer: str, reference: str, **metadata) -> Submission:
    columns = {"source_dataset": name, **metadata}
    return Submission(f"<answer>{answer}</answer>", reference=reference, metadata_json=json.dumps(columns))


SUBMISSIONS = [
    _submission("chain_sum", "12", "12"),
    _submission("leg_counting", "12", "14"),
    _submission("countdown", "(3 + 4) * 2 - 1/5", "7", numbers=[3, 4, 2, 1, 5], target=14),
    _submission("puzzle24", "(1 + 2 + 3) * 4", "(1 + 2 + 3) * 4", numbers=[1, 2, 3, 4]),
    _submission("polynomial_multiplication", "(x + 1)*(x - 1)", "x**2 - 1"),
    _submission("simple_integration", "2*x**3/3 - x + C", "2*x**3/3 - x + C", variable="x", integrand="2*x**2 - 1"),
    _submission(
        "intermediate_integration", "exp(2*x)*sin(x)/2 + log(x) + C", "C", variable="x", integrand="exp(2*x)*cos(3*x) + sqrt(x)"
    ),
    _submission("binary_matrix", "[[0, 1], [1, 0]]", "0 1\n1 0"),
    _submission("pool_matrix", "1.5 2\n3 4", "1.5 2\n3 4"),
    _submission("sokoban", "R", "R", gamestr="+ + + + + \n+ * @ X + \n+ + + + + "),
    _submission("word_ladder", "COLD,CORD", "COLD,CORD", start_word="COLD", end_word="CORD"),
    _submission("time_intervals", "3 days", "3 days", task_type="date"),
    _submission("family_relationships", "aunt", "aunt"),
]
