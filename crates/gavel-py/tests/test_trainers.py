"""The trainers' words: TRL in a real run where it is installed, verl and OpenRLHF as their sources call."""

import asyncio
import importlib.util
import inspect
import math
import pickle
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from gavel_rl import Reward, verl
from gavel_rl.trl import reward_func

from support import MATH, missing

EXAMPLES = Path(__file__).parents[3] / "examples"
RIGHT, WRONG = r"It is \boxed{2}.", r"It is \boxed{3}."
FILE = '[reward]\nformula = "math"\n[verifiers.math]\nplugin = "math"\n'
NEAR = """
[reward]
formula = "0.5 + near"
[verifiers.near]
plugin = "string"
options = { match = "edit-distance", normalize = false }
"""


def tiny(letters):
    """A random model of so many letters, and its tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    vocabulary = {letter: number for number, letter in enumerate(["<end>", *letters])}
    bytes_alone = Tokenizer(models.BPE(vocabulary, []))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_alone, eos_token="<end>", pad_token="<end>")
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(vocabulary), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, eos_token_id=0, pad_token_id=0, bos_token_id=0,
        )
    )
    return model, tokenizer


class Trl(unittest.TestCase):
    COLUMNS = {"prompts": ["?"] * 3, "completions": [RIGHT, WRONG, RIGHT], "solution": ["2", "2", None]}
    #: As `GRPOTrainer._calculate_rewards` of TRL 1.16 adds them.
    ADDED = {"completion_ids": [[1]] * 3, "trainer_state": object()}

    def setUp(self):
        self.reward = Reward.from_dict(MATH, preset="trl")

    def test_columns_become_rewards_and_none(self):
        self.assertEqual(reward_func(self.reward)(**self.COLUMNS, **self.ADDED), [1.0, 0.0, None])

    def test_what_the_verifiers_said_is_logged(self):
        extra, metrics = {}, {}
        added = {**self.ADDED, "log_extra": extra.__setitem__, "log_metric": metrics.__setitem__}
        reward_func(self.reward, name="maths")(**self.COLUMNS, **added)
        self.assertEqual(extra["maths/math"], [1.0, 0.0, None])
        self.assertIn("is another number than 2", extra["maths/math/reason"][1])
        self.assertEqual(metrics, {"maths/math": 0.5, "maths/no_reward": 1 / 3})

    def test_an_asynchronous_one_says_the_same(self):
        function = reward_func(self.reward, is_async=True)
        self.assertTrue(inspect.iscoroutinefunction(type(function).__call__))
        self.assertEqual(asyncio.run(function(**self.COLUMNS, **self.ADDED)), [1.0, 0.0, None])

    def test_workers_can_be_sent_it(self):
        function = pickle.loads(pickle.dumps(reward_func(self.reward, name="maths")))
        self.assertEqual((function.__name__, function(**self.COLUMNS)), ("maths", [1.0, 0.0, None]))

    @unittest.skipIf(missing("trl", "torch", "datasets"), "TRL is not installed")
    def test_a_run_logs_our_rewards(self):
        for is_async in (False, True):
            with self.subTest(is_async=is_async), tempfile.TemporaryDirectory() as folder:
                self.run_trl(folder, is_async)

    @unittest.skipIf(missing("trl", "torch", "datasets"), "TRL is not installed")
    def test_the_example_runs(self):
        from tokenizers import pre_tokenizers

        # As it is printed, but for the model, which it would download.
        example = EXAMPLES / "trl/train.py"
        with tempfile.TemporaryDirectory() as folder:
            model, tokenizer = tiny(sorted(pre_tokenizers.ByteLevel.alphabet()))
            tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
            model.save_pretrained(f"{folder}/model")
            tokenizer.save_pretrained(f"{folder}/model")
            said = subprocess.run(
                [sys.executable, example, f"{folder}/model"], cwd=folder, capture_output=True, text=True, timeout=600
            )
            self.assertEqual(said.returncode, 0, said.stderr[-3000:])
            self.assertIn("rewards/gavel/mean", said.stdout)

    def run_trl(self, folder, is_async):
        from datasets import Dataset
        from trl import GRPOConfig, GRPOTrainer

        # So few letters that what a random model writes resembles the reference, more or less.
        model, tokenizer = tiny("abcdefg0123456789+=\u0120")
        reward = Reward.from_text(NEAR, preset="trl")
        function, judged = reward_func(reward, is_async=is_async), []

        def seen(prompts, completions, **columns):
            scores = reward.score(prompts=prompts, completions=completions, solution=columns["solution"])
            judged.append([score.reward for score in scores])
            return [0.0] * len(prompts)

        trainer = GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=[function, seen],
            train_dataset=Dataset.from_list([{"prompt": f"{number} + 1 = ", "solution": "abc defg"} for number in range(16)]),
            args=GRPOConfig(
                output_dir=folder, max_steps=2, per_device_train_batch_size=8, num_generations=4,
                max_completion_length=8, logging_steps=1, report_to=[], use_cpu=True, save_strategy="no",
            ),
        )
        trainer.train()
        logged = [entry["rewards/gavel/mean"] for entry in trainer.state.log_history if "rewards/gavel/mean" in entry]
        self.assertEqual(len(logged), 2)
        for mean, rewards in zip(logged, judged, strict=True):
            self.assertTrue(math.isclose(mean, sum(rewards) / len(rewards), abs_tol=1e-6), (mean, rewards))
        self.assertGreater(len({value for rewards in judged for value in rewards}), 1)
        said = [entry for entry in trainer.state.log_history if "gavel/near" in entry]
        self.assertEqual(len(said), 2, trainer.state.log_history)


class Verl(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "reward.toml")
        self.path.write_text(FILE)

    def test_a_sample_has_a_score_and_numbers_to_log(self):
        ask = verl.compute_score("sums", RIGHT, "2", {"index": 3, "num_turns": 1}, reward=str(self.path))
        self.assertEqual(asyncio.run(ask), {"score": 1.0, "has_reward": 1.0, "gavel/math": 1.0})

    def test_no_reward_is_a_number_that_says_so(self):
        ask = verl.compute_score("sums", RIGHT, None, None, reward=str(self.path), no_reward=-1.0)
        said = asyncio.run(ask)
        self.assertEqual((said["score"], said["has_reward"]), (-1.0, 0.0))
        self.assertTrue(math.isnan(said["gavel/math"]))

    def test_no_reward_never_becomes_a_number_by_itself(self):
        with self.assertRaisesRegex(ValueError, "has no reward .*dropped.*`on_failure`"):
            verl.compute_scores(["sums"], [RIGHT], [None], reward=str(self.path))

    def test_a_batch_says_the_same(self):
        said = verl.compute_scores(["sums"] * 2, [RIGHT, WRONG], ["2", "2"], reward=str(self.path))
        self.assertEqual([score["score"] for score in said], [1.0, 0.0])

    def test_a_reward_file_has_to_be_named(self):
        with self.assertRaisesRegex(ValueError, "name the reward file"):
            verl.compute_scores([], [], [])

    @unittest.skipIf(missing("verl", "hydra"), "verl is not installed")
    def test_verls_configuration_takes_the_settings_of_the_example(self):
        from hydra import compose, initialize_config_dir

        command = (EXAMPLES / "verl/train.sh").read_text().split("verl.trainer.main_ppo", 1)[1].replace("\\\n", " ")
        folder = Path(importlib.util.find_spec("verl").origin).parent / "trainer/config"
        with initialize_config_dir(config_dir=str(folder), version_base=None):
            config = compose(config_name="ppo_trainer", overrides=shlex.split(command))
        function = config.reward.custom_reward_function
        self.assertEqual((function.path, function.name), ("pkg://gavel_rl.verl", "compute_score"))
        self.assertEqual(function.reward_kwargs.reward, "$PWD/reward.toml")

    @unittest.skipIf(missing("verl", "torch", "omegaconf", "tensordict"), "verl is not installed")
    def test_verls_own_reward_manager_takes_it_by_its_name(self):
        import numpy
        import torch
        from omegaconf import OmegaConf
        from verl import DataProto
        from verl.trainer.ppo.reward import load_reward_manager

        function = {
            "path": "pkg://gavel_rl.verl", "name": "compute_score", "reward_kwargs": {"reward": str(self.path)}
        }
        manager = {"source": "register", "name": "naive"}
        config = OmegaConf.create({"reward": {"custom_reward_function": function, "reward_manager": manager}})

        class Letters:
            def decode(self, ids, skip_special_tokens):
                return "".join(map(chr, ids.tolist()))

        reward_manager = load_reward_manager(config, Letters())
        for text, worth in ((RIGHT, 1.0), (WRONG, 0.0)):
            ids = torch.tensor([[ord(letter) for letter in text]])
            row = {
                "data_source": "sums", "reward_model": {"style": "rule", "ground_truth": "2"},
                "extra_info": {"index": 0, "question": "1 + 1?"},
            }
            arrays = {name: numpy.array([value], dtype=object) for name, value in row.items()}
            data = DataProto.from_dict({"responses": ids, "attention_mask": torch.ones_like(ids)}, arrays)
            said = reward_manager.loop.run_until_complete(reward_manager.run_single(data))
            self.assertEqual(said["reward_score"], worth)
            self.assertEqual(
                said["reward_extra_info"], {"score": worth, "has_reward": 1.0, "gavel/math": worth}
            )


@unittest.skipIf(missing("torch"), "torch is not installed")
class OpenRlhf(unittest.TestCase):
    def test_the_prompt_is_taken_off_the_query(self):
        from gavel_rl.openrlhf import reward_func

        said = reward_func(Reward.from_dict(MATH, preset="openrlhf"))(
            queries=["1 + 1? " + RIGHT, "1 + 1? " + WRONG], prompts=["1 + 1? "] * 2, labels=["2", "2"]
        )
        self.assertEqual(said["rewards"].tolist(), [1.0, 0.0])
        self.assertEqual(said["extra_logs"]["math"].tolist(), [1.0, 0.0])

    def test_the_example_is_a_file_that_openrlhf_loads(self):
        # As its agent does with a `--reward.remote_url` that ends in .py.
        path = EXAMPLES / "openrlhf/gavel_reward.py"
        spec = importlib.util.spec_from_file_location("reward_func", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        said = module.reward_func(queries=["1 + 1? " + RIGHT], prompts=["1 + 1? "], labels=["2"])
        self.assertEqual(said["rewards"].tolist(), [1.0])


if __name__ == "__main__":
    sys.exit(unittest.main())
