"""What a reward says of completions, and how it is asked."""

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from gavel_rl import NoReward, Reward, RewardError, Workspace

from support import MATH, MISBEHAVES

RIGHT, WRONG = r"It is \boxed{2}.", r"It is \boxed{3}."


class Scoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reward = Reward.from_dict(MATH)

    def rewards(self, **columns):
        return [score.reward for score in self.reward.score(**columns)]

    def test_scores_come_in_the_order_of_the_completions(self):
        completions = [RIGHT if place % 3 else WRONG for place in range(500)]
        expected = [1.0 if place % 3 else 0.0 for place in range(500)]
        self.assertEqual(self.rewards(completions=completions, reference=["2"] * 500), expected)

    def test_limits_are_lowered_and_never_raised(self):
        lower = self.reward.within_limits(fuel=1000)
        for reward in (lower, pickle.loads(pickle.dumps(lower)), lower.within_limits(timeout="5s")):
            (score,) = reward.score(completions=[RIGHT], reference=["2"])
            self.assertEqual(score.outcomes["math"].status, "out-of-fuel")
        self.assertEqual(self.rewards(completions=[RIGHT], reference=["2"]), [1.0])
        with self.assertRaisesRegex(ValueError, "`limits.fuel` = 2000 would raise a limit.*`math` has 1000"):
            lower.within_limits(fuel=2000)
        with self.assertRaisesRegex(ValueError, "fule"):
            self.reward.within_limits(fule=1)

    def test_an_outcome_says_why(self):
        (score,) = self.reward.score(prompts=["1 + 1?"], completions=[RIGHT], reference=["2"])
        outcome = score.outcomes["math"]
        self.assertEqual((outcome.status, outcome.reward, outcome.metrics["correct"]), ("verdict", 1.0, 1.0))
        self.assertIn("is the same number as 2", outcome.reason)
        self.assertIsNone(score.no_reward)

    def test_no_verdict_is_no_reward_and_no_exception(self):
        (score,) = self.reward.score(completions=[RIGHT])
        self.assertIsNone(score.reward)
        self.assertEqual(score.no_reward, NoReward("dropped", verifier="math"))
        self.assertEqual(score.outcomes["math"].status, "invalid-task")

    def test_chats_are_read_as_texts(self):
        chat = [{"role": "assistant", "content": RIGHT}]
        prompt = [{"role": "system", "content": "?"}, {"role": "user", "content": "1 + 1?"}]
        self.assertEqual(self.rewards(prompts=[prompt], completions=[chat], reference=["2"]), [1.0])

    def test_columns_reach_the_formula(self):
        reward = Reward.from_dict({**MATH, "reward": {"formula": "math * task.weight"}})
        scores = reward.score(completions=[RIGHT] * 2, reference=["2"] * 2, weight=[0.25, 4])
        self.assertEqual([score.reward for score in scores], [0.25, 4.0])

    def test_the_columns_of_a_reward_file_are_meant(self):
        reward = Reward.from_dict({**MATH, "columns": {"reference": "answer"}})
        self.assertEqual(reward.score(completions=[RIGHT], answer=["2"])[0].reward, 1.0)
        self.assertEqual(reward.score(completions=[RIGHT], reference=["2"])[0].reward, 1.0)

    def test_columns_that_are_not_equally_long_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`reference` has 1 entries, and there are 2 completions"):
            self.reward.score(completions=[RIGHT] * 2, reference=["2"])

    def test_what_is_no_text_is_refused_with_its_place(self):
        with self.assertRaisesRegex(ValueError, "submission 1: `completion` is neither a string nor a list"):
            self.reward.score(completions=[RIGHT, 5], reference=["2", "2"])

    def test_half_of_a_character_is_judged(self):
        self.assertEqual(self.rewards(completions=["\ud83d " + RIGHT], reference=["2"]), [1.0])

    def test_texts_as_they_are_and_as_json_are_the_same_submission(self):
        # A column of its own makes rows of JSON, and one that is left out of the metadata leaves the same submission.
        texts = [RIGHT, "\u00e9 \\boxed{2}\n\x00", "\ud83d " + RIGHT, "\U0001f642 " + WRONG, ""]
        given = {"completions": texts, "prompts": ["1 + 1?\t"] * 5, "reference": ["2", None, "2", "3", "2"]}
        said = [self.reward.score(**given), self.reward.score(**given, outcomes=[{}] * 5)]
        forms = [[score.form["outcomes"]["math"] for score in scores] for scores in said]
        for form in forms[0] + forms[1]:
            del form["ms"]
        self.assertEqual(*forms)

    def test_nothing_is_nothing(self):
        self.assertEqual(self.reward.score(completions=[]), [])
        self.assertEqual(asyncio.run(self.reward.ascore(completions=[])), [])

    def test_asynchronous_scores_are_the_same(self):
        async def both():
            one = self.reward.ascore(completions=[RIGHT], reference=["2"])
            return await asyncio.gather(one, self.reward.ascore(completions=[WRONG] * 3, reference=["2"] * 3))

        one, three = asyncio.run(both())
        self.assertEqual([score.reward for score in one + three], [1.0, 0.0, 0.0, 0.0])

    def test_a_reward_travels(self):
        for reward in (pickle.loads(pickle.dumps(self.reward)), copy.deepcopy(self.reward)):
            self.assertEqual(reward.score(completions=[RIGHT], reference=["2"])[0].reward, 1.0)

    def test_a_reward_travels_with_its_workspace(self):
        reward = pickle.loads(pickle.dumps(Reward.from_dict(MATH, workspace=Workspace(jobs=1))))
        self.assertEqual(reward.score(completions=[RIGHT], reference=["2"])[0].reward, 1.0)

    def test_plugins_have_digests(self):
        self.assertEqual(self.reward.verifiers, ["math"])
        self.assertRegex(self.reward.digests["math"], "^[0-9a-f]{64}$")


class Loading(unittest.TestCase):
    def test_a_file_is_read_and_travels_by_its_path(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "reward.toml")
            path.write_text('[reward]\nformula = "math"\n[verifiers.math]\nplugin = "math"\n')
            reward = pickle.loads(pickle.dumps(Reward(path)))
            self.assertEqual(reward.score(completions=[RIGHT], reference=["2"])[0].reward, 1.0)

    def test_a_fault_names_file_line_and_field(self):
        with self.assertRaisesRegex(RewardError, r"mine\.toml:2:12: `reward.formula`: unknown verifier `maht`"):
            Reward.from_text('[reward]\nformula = "maht"\n[verifiers.math]\nplugin = "math"\n', name="mine.toml")

    def test_a_file_that_is_not_there_is_an_error(self):
        with self.assertRaisesRegex(RewardError, "cannot read .*none.toml"):
            Reward("none.toml")

    def test_no_jobs_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`jobs` must be at least 1"):
            Workspace(jobs=0)


class Cancelling(unittest.TestCase):
    def test_who_no_longer_waits_holds_no_worker(self):
        reward = Reward.from_dict(MISBEHAVES, workspace=Workspace(jobs=1))

        async def give_up():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(reward.ascore(completions=["#l"] * 4), 0.2)

        asyncio.run(give_up())
        started = time.monotonic()
        self.assertEqual(reward.score(completions=["-"])[0].reward, 0.5)
        self.assertLess(time.monotonic() - started, 2)


class Command(unittest.TestCase):
    def test_the_module_is_the_command(self):
        said = subprocess.run([sys.executable, "-m", "gavel_rl", "--version"], capture_output=True, text=True)
        self.assertRegex(said.stdout, r"^gavel \d")

    def test_both_say_the_same_fuel_included(self):
        # The command notices traps by signals, the package by checks: other code, the same verdicts.
        rows = [
            {"prompt": "?", "completion": completion, "reference": reference}
            for completion in (RIGHT, WRONG, r"\boxed{\frac{1}{2}}", "nothing", r"\boxed{x^2 + 2x + 1}")
            for reference in ("2", "0.5", "(x+1)^2", "")
        ]
        with tempfile.TemporaryDirectory() as folder:
            file, lines = Path(folder, "reward.toml"), Path(folder, "rows.jsonl")
            file.write_text('[reward]\nformula = "math"\n[verifiers.math]\nplugin = "math"\n')
            lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
            command = [sys.executable, "-m", "gavel_rl", "score", "--reward", file, lines, "--no-timing"]
            said = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
            columns = {name: [row[name] for row in rows] for name in ("completion", "prompt", "reference")}
            scores = Reward(file).score(
                completions=columns["completion"], prompts=columns["prompt"], reference=columns["reference"]
            )
        self.assertEqual(len(said), len(rows))
        for row, line, score in zip(rows, said, scores):
            form = json.loads(score.json)
            for outcome in form["outcomes"].values():
                del outcome["ms"]
            self.assertEqual(json.loads(line), {**row, **form})

    def test_its_exit_code_is_the_commands(self):
        said = subprocess.run([sys.executable, "-m", "gavel_rl", "score", "--reward", "none.toml"], capture_output=True)
        self.assertNotEqual(said.returncode, 0)


class Package(unittest.TestCase):
    def test_it_is_the_installed_one(self):
        import gavel_rl

        self.assertIn("site-packages", gavel_rl.__file__)
        self.assertTrue(Path(gavel_rl.__file__).with_name("py.typed").exists())
        self.assertTrue(Path(gavel_rl.__file__).with_name("_native.pyi").exists())


if __name__ == "__main__":
    unittest.main()
