"""Python functions as verifiers beside plugins: what they are given, what they may say, and whom they do not stop."""

import asyncio
import os
import pickle
import tempfile
import textwrap
import threading
import unittest
from pathlib import Path

from gavel_rl import NoReward, Reward, RewardError, Workspace

from support import MATH, python

RIGHT, WRONG = r"It is \boxed{2}.", r"It is \boxed{3}."


def brief(completion):
    return 1.0 if len(completion) < 20 else 0.0


def of(function, **settings):
    """A reward that is the function's."""
    verifier = {"function": function, **settings} if settings else function
    return Reward.from_dict({"verifiers": {"mine": verifier}})


def outcome(function, completion="x", **columns):
    (score,) = of(function).score(completions=[completion], **{name: [value] for name, value in columns.items()})
    return score.outcomes["mine"]


class Verdicts(unittest.TestCase):
    def test_a_function_judges_beside_a_plugin(self):
        settings = {"reward": {"formula": "math + 0.5 * brief"}, "verifiers": {**MATH["verifiers"], "brief": brief}}
        reward = Reward(settings)
        scores = reward.score(completions=[RIGHT, WRONG, RIGHT + "!" * 20], reference=["2"] * 3)
        self.assertEqual([score.reward for score in scores], [1.5, 0.5, 1.0])
        self.assertEqual((reward.verifiers, reward.digests["brief"]), (["math", "brief"], ""))

    def test_it_is_given_what_its_arguments_name(self):
        seen = {}

        def all_of(prompt, completion, reference, metadata, level, missing="default", **rest):
            seen.update(
                prompt=prompt, completion=completion, reference=reference, metadata=metadata, level=level,
                missing=missing, rest=rest,
            )
            return 1

        self.assertEqual(outcome(all_of, reference="2", prompts="?", level=3, other=[1]).reward, 1.0)
        metadata = {"level": 3, "other": [1]}
        self.assertEqual(
            seen,
            {
                "prompt": "?", "completion": "x", "reference": "2", "metadata": metadata, "level": 3,
                "missing": "default", "rest": {"other": [1]},
            },
        )

    def test_a_mapping_says_more(self):
        said = outcome(lambda completion: {"reward": 0.5, "reason": "because", "metrics": {"length": len(completion)}})
        self.assertEqual((said.status, said.reward, said.reason), ("verdict", 0.5, "because"))
        self.assertEqual(said.metrics, {"length": 1.0})

    def test_metrics_are_of_the_formula(self):
        settings = {"reward": {"formula": "mine.length"}, "verifiers": {"mine": lambda completion: {
            "reward": 0, "metrics": {"length": len(completion)}
        }}}
        self.assertEqual(Reward(settings).score(completions=["four"])[0].reward, 4.0)

    def test_what_looks_like_a_number_is_one_and_a_text_is_none(self):
        class Number:
            def __float__(self):
                return 0.25

        self.assertEqual([outcome(lambda: value).reward for value in (True, 2, Number())], [1.0, 2.0, 0.25])
        said = outcome(lambda: "1.0")
        self.assertEqual((said.status, said.reward), ("internal-error", None))
        self.assertIn("a str is no number", said.reason)

    def test_many_threads_ask_and_nothing_is_lost(self):
        reward = Reward({"verifiers": {"mine": lambda completion: float(completion)}})
        scores = reward.score(completions=[str(number) for number in range(2000)])
        self.assertEqual([score.reward for score in scores], [float(number) for number in range(2000)])

    def test_asynchronously_too(self):
        async def ask():
            return await of(brief).ascore(completions=["x"] * 100)

        self.assertEqual([score.reward for score in asyncio.run(ask())], [1.0] * 100)


class Failures(unittest.TestCase):
    def test_an_exception_is_no_verdict_and_no_zero(self):
        def broken():
            raise ValueError("no such thing")

        (score,) = of(broken).score(completions=["x"])
        self.assertIsNone(score.reward)
        self.assertEqual(score.no_reward, NoReward("dropped", verifier="mine"))
        said = score.outcomes["mine"]
        self.assertEqual(said.status, "internal-error")
        self.assertRegex(said.reason, r"ValueError: no such thing \(.*test_functions\.py:\d+\)$")

    def test_on_failure_prices_it(self):
        self.assertEqual(of(lambda: 1 / 0, on_failure=0.25).score(completions=["x"])[0].reward, 0.25)

    def test_one_that_breaks_does_not_stop_the_others(self):
        scores = of(lambda completion: 1 / int(completion)).score(completions=["1", "0", "2"])
        self.assertEqual([score.reward for score in scores], [1.0, None, 0.5])

    def test_every_way_out_is_an_outcome(self):
        def leave():
            raise SystemExit(3)

        def interrupt():
            raise KeyboardInterrupt

        def exhausted():
            raise MemoryError("no more")

        for function, status in [(leave, "internal-error"), (interrupt, "internal-error"), (exhausted, "host-failed")]:
            self.assertEqual(outcome(function).status, status, function)

    def test_what_is_no_finite_number_is_refused(self):
        for value in (float("nan"), float("inf"), -float("inf")):
            said = outcome(lambda: value)
            self.assertEqual((said.status, said.reward), ("refused", None))
            self.assertIn("not a finite number", said.reason)
        said = outcome(lambda: {"reward": 1, "metrics": {"of": float("nan")}})
        self.assertEqual((said.status, said.reason), ("refused", "refused: the metric `of` is not a finite number"))

    def test_a_mapping_of_another_form_is_refused(self):
        self.assertIn("`rewards`", outcome(lambda: {"rewards": 1}).reason)
        self.assertIn("no `reward`", outcome(lambda: {"reason": "?"}).reason)

    def test_none_abstains(self):
        said = outcome(lambda: None)
        self.assertEqual((said.status, said.reward), ("abstained", None))

    def test_a_column_that_is_missing_is_the_tasks_fault(self):
        said = outcome(lambda level: level)
        self.assertEqual((said.status, said.reason), ("invalid-task", "invalid task: there is no column `level`"))

    def test_judging_within_a_function_is_refused_before_it_waits_for_itself(self):
        inner = Reward(MATH)
        said = outcome(lambda completion: inner.score(completions=[completion], reference=["2"])[0].reward)
        self.assertEqual(said.status, "internal-error")
        self.assertIn("a verifier cannot wait for other verifiers", said.reason)


class Loading(unittest.TestCase):
    FILE = '[reward]\nformula = "mine"\n[verifiers.mine]\nfunction = true\n'

    def test_a_reward_file_names_functions(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "reward.toml")
            path.write_text(self.FILE)
            self.assertEqual(Reward(path, functions={"mine": brief}).score(completions=["x"])[0].reward, 1.0)

    def test_one_that_is_missing_is_said(self):
        with self.assertRaisesRegex(RewardError, r'mine.* is a function .*functions=\{"mine": it\}'):
            Reward.from_text(self.FILE)

    def test_one_too_many_is_said(self):
        with self.assertRaisesRegex(RewardError, "no verifier `other` says `function = true`"):
            Reward.from_text(self.FILE, functions={"mine": brief, "other": brief})

    def test_asynchronous_functions_are_refused(self):
        async def later(completion):
            return 1.0

        with self.assertRaisesRegex(TypeError, "is asynchronous"):
            of(later)

    def test_a_turn_at_a_time(self):
        at_once, most = 0, 0
        lock = threading.Lock()

        def alone():
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
            threading.Event().wait(0.002)
            with lock:
                at_once -= 1
            return 1.0

        settings = {"verifiers": {"mine": {"function": alone, "max_concurrency": 1}}}
        Reward(settings, workspace=Workspace(jobs=4)).score(completions=["x"] * 40)
        self.assertEqual(most, 1)

    def test_it_travels(self):
        reward = pickle.loads(pickle.dumps(of(brief)))
        self.assertEqual(reward.score(completions=["x"])[0].reward, 1.0)

    def test_the_child_of_a_fork_has_it_too(self):
        reward = of(brief)
        reward.score(completions=["x"])
        child = os.fork()
        if child == 0:
            os._exit(0 if reward.score(completions=["x"])[0].reward == 1.0 else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


class Endings(unittest.TestCase):
    def test_the_interpreter_ends_while_functions_run(self):
        program = """
            def slow(completion):
                time.sleep(0.05)
                return 1.0
            reward = Reward({"verifiers": {"mine": slow}}, workspace=Workspace(jobs=2))
            threading.Thread(target=lambda: reward.score(completions=["x"] * 1000), daemon=True).start()
            time.sleep(0.2)
            print("right")
        """
        said = python(textwrap.dedent(program))
        self.assertEqual((said.stdout, said.returncode), ("right\n", 0), said.stderr[-2000:])

    def test_an_interrupt_ends_the_call(self):
        program = """
            def slow(completion):
                time.sleep(0.05)
                return 1.0
            reward = Reward({"verifiers": {"mine": slow}}, workspace=Workspace(jobs=2))
            threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            started = time.monotonic()
            try:
                reward.score(completions=["x"] * 1000)
            except KeyboardInterrupt:
                print("right" if time.monotonic() - started < 1 else "late")
        """
        said = python(textwrap.dedent(program))
        self.assertEqual((said.stdout, said.returncode), ("right\n", 0), said.stderr[-2000:])


class Page(unittest.TestCase):
    def test_the_example_of_the_page(self):
        page = Path(__file__).parents[3].joinpath("docs/python.md").read_text()
        section = page.split("## Functions beside plugins")[1]
        given = {"Reward": Reward}
        exec(section.split("```python\n")[1].split("```")[0], given)
        scores = given["reward"].score(completions=[RIGHT, RIGHT + "!" * 200], reference=["2"] * 2)
        self.assertEqual([score.reward for score in scores], [1.1, 1.0])
        self.assertEqual(scores[1].outcomes["brief"].reason, f"{len(RIGHT) + 200} characters")


if __name__ == "__main__":
    unittest.main()
