"""The trainers' words: TRL in a real run where it is installed, verl's and OpenRLHF's own code that asks for rewards."""

import asyncio
import importlib.metadata
import importlib.util
import inspect
import json
import math
import os
import pickle
import secrets
import shlex
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path

from gavel_rl import Reward, RewardError, verl
from gavel_rl.trl import reward_func

from support import MATH, missing, serve

EXAMPLES = Path(__file__).parents[3] / "examples"
PYTHON = Path(__file__).parents[3] / "plugins/interpreters/python/python.wasm"
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
        self.assertEqual((function.path, function.name), ("gavel://$PWD/reward.toml", "compute_score"))

    @unittest.skipIf(missing("verl", "torch", "omegaconf", "tensordict"), "verl is not installed")
    def test_verls_own_reward_manager_takes_it_by_its_name(self):
        kwargs = {"reward": str(self.path)}
        self.ask_verl({"path": "pkg://gavel_rl.verl", "name": "compute_score", "reward_kwargs": kwargs})

    @unittest.skipIf(missing("verl", "torch", "omegaconf", "tensordict"), "verl is not installed")
    def test_verls_own_reward_manager_takes_a_reward_file_by_its_address(self):
        self.ask_verl({"path": f"gavel://{self.path}", "name": "compute_score"})

    def ask_verl(self, function):
        from omegaconf import OmegaConf
        from verl.trainer.ppo.reward import load_reward_manager

        manager = {"source": "register", "name": "naive"}
        config = OmegaConf.create({"reward": {"custom_reward_function": function, "reward_manager": manager}})
        reward_manager = load_reward_manager(config, Letters())
        for text, worth in ((RIGHT, 1.0), (WRONG, 0.0)):
            said = reward_manager.loop.run_until_complete(reward_manager.run_single(rollout_of_verl(text)))
            self.assertEqual(said["reward_score"], worth)
            self.assertEqual(
                said["reward_extra_info"], {"score": worth, "has_reward": 1.0, "gavel/math": worth}
            )

    @unittest.skipIf(missing("verl", "torch", "hydra", "ray", "transformers"), "verl is not installed")
    def test_verls_own_reward_workers_take_it_in_processes_of_their_own(self):
        import ray
        from hydra import compose, initialize_config_dir
        from verl.experimental.reward_loop.reward_loop import RewardLoopWorker

        folder = Path(importlib.util.find_spec("verl").origin).parent / "trainer/config"
        _, tokenizer = tiny(sorted(set(RIGHT + WRONG) - {" "}) + ["\u0120"])
        tokenizer.save_pretrained(self.path.parent / "model")
        settings = [f"actor_rollout_ref.model.path={self.path.parent}/model", f"reward.custom_reward_function.path=gavel://{self.path}"]
        with initialize_config_dir(config_dir=str(folder), version_base=None):
            config = compose(config_name="ppo_trainer", overrides=settings)
        # Else Ray writes a token into the user's home.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        self.addCleanup(ray.shutdown)
        worker = ray.remote(RewardLoopWorker).remote(config)
        for text, worth in ((RIGHT, 1.0), (WRONG, 0.0)):
            said = ray.get(worker.compute_score_batch.remote(rollout_of_verl(text, tokenizer.encode(text))))
            self.assertEqual([sample["reward_score"] for sample in said], [worth])

    @unittest.skipIf(missing("verl", "torch", "requests"), "verl is not installed")
    @unittest.skipUnless(PYTHON.exists(), "the interpreters are not built")
    def test_verls_own_client_of_sandboxes_runs_programs_at_a_server(self):
        from verl.utils.reward_score import sandbox_fusion

        base_url = serve(self, "--run-code", "python", "--plugin-path", str(PYTHON.parents[1]))
        tests = json.dumps({"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]})
        for program, passed in (("print(sum(map(int, input().split())))", 1.0), ("print(3)", 0.5), ("while True: pass", 0.0)):
            completion = f"```python\n{program}\n```"
            said, cases = sandbox_fusion.compute_score(
                f"{base_url}/run_code", None, 256, completion, tests, continuous=True, timeout=1
            )
            self.assertEqual((said, len(cases)), (passed, 2), cases)


class VerlPlugin(unittest.TestCase):
    """`gavel://`, without verl."""

    setUp = Verl.setUp

    def plugin(self):
        from gavel_rl import verl_plugin

        return verl_plugin

    def test_verl_finds_it_among_its_plugins(self):
        (found,) = importlib.metadata.entry_points(group="verl.plugins", name="gavel")
        self.assertIs(found.load(), self.plugin())

    def test_an_address_is_a_module_with_the_function(self):
        function = self.plugin().module_of(f"gavel://{self.path}?no_reward=-1").compute_score
        self.assertTrue(inspect.iscoroutinefunction(function))
        self.assertEqual(asyncio.run(function("sums", RIGHT, "2", None, reward_router_address=None))["score"], 1.0)
        self.assertEqual(asyncio.run(function("sums", RIGHT, None))["score"], -1.0)

    def test_a_mistake_is_seen_when_it_is_loaded(self):
        for address, said in (
            ("gavel://", "names no reward file"),
            (f"gavel://{self.path}?nothing=0", "`nothing` is no setting"),
            (f"gavel://{self.path}?no_reward=none", "`no_reward` is a number, not `none`"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                self.plugin().module_of(address)
        with self.assertRaisesRegex(RewardError, "missing.toml"):
            self.plugin().module_of(f"gavel://{self.path.parent}/missing.toml")

    def test_other_addresses_are_verls(self):
        asked = []
        load_module = self.plugin()._knowing(lambda path, name=None: asked.append((path, name)))
        load_module("pkg://somewhere", "there")
        load_module(None)
        self.assertEqual(asked, [("pkg://somewhere", "there"), (None, None)])
        self.assertTrue(hasattr(load_module(module_path=f"gavel://{self.path}"), "compute_score"))


class Letters:
    """A tokenizer whose tokens are characters."""

    def __call__(self, text, add_special_tokens, return_tensors):
        import torch

        return {"input_ids": torch.tensor([[ord(letter) for letter in text]])}

    def decode(self, ids, skip_special_tokens):
        return "".join(chr(int(number)) for number in ids)


def rollout_of_verl(text, ids=None):
    """A row as verl's rollouts have it."""
    import numpy
    import torch
    from verl import DataProto

    ids = torch.tensor([ids or [ord(letter) for letter in text]])
    row = {
        "data_source": "sums", "reward_model": {"style": "rule", "ground_truth": "2"},
        "extra_info": {"index": 0, "question": "1 + 1?"},
    }
    arrays = {}
    for name, value in row.items():
        arrays[name] = numpy.empty(1, dtype=object)
        arrays[name][0] = value
    return DataProto.from_dict({"responses": ids, "attention_mask": torch.ones_like(ids)}, arrays)


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

    @unittest.skipIf(missing("openrlhf", "aiohttp"), "OpenRLHF is not installed")
    def test_openrlhfs_own_rollouts_have_our_rewards(self):
        # Its `utils` import DeepSpeed; what asks for rewards does not.
        if "openrlhf.utils" not in sys.modules:
            package = types.ModuleType("openrlhf.utils")
            package.__path__ = [str(Path(importlib.util.find_spec("openrlhf").origin).with_name("utils"))]
            sys.modules["openrlhf.utils"] = package
        from openrlhf.utils.agent import SingleTurnAgentExecutor

        at_a_server = serve(self, "--reward", f"math={EXAMPLES / 'openrlhf/reward.toml'}") + "/get_reward"
        for endpoint in (str(EXAMPLES / "openrlhf/gavel_reward.py"), at_a_server):
            executor = SingleTurnAgentExecutor(endpoint)
            for text, label, worth in ((RIGHT, "2", 1.0), (WRONG, "2", 0.0)):
                said = self.roll_out(executor, text, label)
                self.assertEqual((float(said["reward"][0]), float(said["scores"][0])), (worth, worth))
                self.assertEqual([float(said["extra_logs"][name][0]) for name in ("math", "has_reward")], [worth, 1.0])

    def roll_out(self, executor, text, label):
        """A rollout of OpenRLHF's, whose policy writes this."""

        class Policy:
            async def generate(self, prompt, sampling_params, multi_modal_data):
                written = types.SimpleNamespace(
                    token_ids=[ord(letter) for letter in text], text=text, finish_reason="stop", logprobs=None
                )
                return types.SimpleNamespace(outputs=[written])

        sampling = types.SimpleNamespace(max_tokens=64, logprobs=None)
        return asyncio.run(executor.execute("1 + 1? ", label, sampling, 256, Letters(), Policy()))


if __name__ == "__main__":
    sys.exit(unittest.main())
