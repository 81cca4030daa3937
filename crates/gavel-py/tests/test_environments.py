"""Environments and clusters: verifiers, SkyRL, OpenEnv, NeMo Gym and Ray in themselves where they are installed, slime as its
sources call."""

import asyncio
import importlib.util
import json
import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path

import gavel_rl
from gavel_rl import Reward
from gavel_rl.slime import reward_func as of_slime

from support import MATH, missing, serve

RIGHT, WRONG = r"It is \boxed{2}.", r"It is \boxed{3}."
FILE = '[reward]\nformula = "math"\n[verifiers.math]\nplugin = "math"\n'


def missing_slime():
    """slime's own sources; the package of that name on PyPI is another."""
    if missing("slime"):
        return True
    try:
        return importlib.util.find_spec("slime.rollout.rm_hub") is None
    except ImportError:
        return True


def brief(completion):
    return 1.0 if len(completion) < 20 else 0.0


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "reward.toml").write_text(FILE)


@unittest.skipIf(missing("verifiers"), "verifiers is not installed")
class Verifiers(InAFolder):
    """A task's own `score`, as verifiers calls it after a rollout."""

    def trace(self, reply, **fields):
        import verifiers.v1 as vf

        class Sum(vf.TaskData):
            answer: str | None = None

        data = Sum(prompt="1 + 1?", **fields)
        trace = vf.Trace(task=vf.TraceTask(type="Sum", data=data), agent=vf.AgentInfo(config=vf.AgentConfig()))
        trace.root_reply = reply
        return data, trace

    def plugged(self, text):
        """The task with the functions of a file plugged in as the configuration plugs them."""
        import verifiers.v1 as vf

        (self.folder / "gavel_reward.py").write_text(text)
        rewards = {"gavel": {"fn": f"{self.folder}/gavel_reward.py:gavel", "weight": 0.5}}
        return lambda data: vf.Task(data, vf.TaskConfig(rewards=rewards))

    def reward_file(self):
        path = str(self.folder / "reward.toml")
        return f"from gavel_rl.verifiers import reward_func\ngavel = reward_func({path!r})\n"

    def test_a_function_that_configuration_plugs_in(self):
        task = self.plugged(self.reward_file())
        for reply, worth in ((RIGHT, 1.0), (WRONG, 0.0)):
            data, trace = self.trace(reply, answer="2")
            asyncio.run(task(data).score(trace))
            self.assertEqual((trace.rewards["gavel"].score, trace.rewards["gavel"].weight), (worth, 0.5))
            self.assertEqual(trace.reward, 0.5 * worth)
            self.assertEqual(trace.metrics, {"gavel/math": worth})
            self.assertIn("number", trace.info["gavel"]["outcomes"]["math"]["reason"])

    def test_no_reward_is_an_error_of_the_scoring_and_no_number(self):
        from verifiers.v1.errors import TaskError

        data, trace = self.trace(RIGHT)
        with self.assertRaisesRegex(TaskError, "has no reward .*dropped"):
            asyncio.run(self.plugged(self.reward_file())(data).score(trace))
        self.assertEqual(trace.rewards, {"gavel": None})

    def test_in_a_taskset_of_ones_own(self):
        import verifiers.v1 as vf

        from gavel_rl.verifiers import reward_func

        judge = reward_func(Reward.from_dict(MATH, preset="verifiers"))

        class Sums(vf.Task):
            @vf.reward
            async def right(self, task, trace):
                return await judge(task, trace)

        data, trace = self.trace(RIGHT, answer="2")
        asyncio.run(Sums(data).score(trace))
        self.assertEqual(trace.reward, 1.0)


@unittest.skipIf(missing("skyrl_gym"), "SkyRL-Gym is not installed")
class Skyrl(InAFolder):
    def make(self, truth, **settings):
        import skyrl_gym
        from skyrl_gym.envs import registration

        if "gavel" not in registration.registry:
            registration.register(id="gavel", entry_point="gavel_rl.skyrl:GavelEnv")
        extras = {"reward_spec": {"method": "rule", "ground_truth": truth}, "data_source": "sums"}
        settings = {"reward": str(self.folder / "reward.toml"), **settings}
        environment = skyrl_gym.make("gavel", env_config=settings, extras=extras)
        environment.init([{"role": "user", "content": "1 + 1?"}])
        return environment

    def test_a_step_is_worth_its_reward(self):
        for action, reward in ((RIGHT, 1.0), (WRONG, 0.0)):
            environment = self.make("2")
            said = environment.step(action)
            self.assertEqual((said["reward"], said["done"], said["observations"]), (reward, True, []))
            self.assertEqual(environment.get_metrics(), {"has_reward": 1.0, "gavel/math": reward})
            self.assertIn("number", said["metadata"]["gavel"]["outcomes"]["math"]["reason"])

    def test_no_reward_is_no_number_unless_somebody_says_which(self):
        with self.assertRaisesRegex(ValueError, "has no reward"):
            self.make(None).step(RIGHT)
        environment = self.make(None, no_reward=-1.0)
        self.assertEqual(environment.step(RIGHT)["reward"], -1.0)
        self.assertEqual(environment.get_metrics(), {"has_reward": 0.0})

    def test_the_reward_file_has_to_be_named(self):
        with self.assertRaisesRegex(ValueError, "name the reward file"):
            self.make("2", reward="")


class Slime(unittest.TestCase):
    """As `slime/rollout/rm_hub/__init__.py` calls it: one sample, or with `--group-rm` a list of them."""

    def sample(self, response, label="2"):
        return types.SimpleNamespace(prompt="1 + 1?", response=response, label=label, metadata={"level": 1})

    def test_one_sample(self):
        sample = self.sample(RIGHT)
        self.assertEqual(asyncio.run(of_slime(Reward(MATH))(None, sample)), 1.0)
        self.assertEqual(sample.metadata["level"], 1)
        self.assertEqual(sample.metadata["gavel"]["reward"], 1.0)

    def test_a_group(self):
        group = [self.sample(RIGHT), self.sample(WRONG)]
        self.assertEqual(asyncio.run(of_slime(Reward(MATH))(None, group, evaluation=False)), [1.0, 0.0])

    def test_no_reward_is_an_exception(self):
        with self.assertRaisesRegex(ValueError, "has no reward"):
            asyncio.run(of_slime(Reward(MATH))(None, self.sample(RIGHT, label=None)))
        self.assertEqual(asyncio.run(of_slime(Reward(MATH), no_reward=0.0)(None, self.sample(RIGHT, None))), 0.0)


@unittest.skipIf(missing_slime(), "slime is not on the Python path")
class SlimeItself(InAFolder):
    """slime's own hub of rewards, with its own samples: slime is no package, so its sources have to be on the path."""

    def ask(self, **settings):
        from slime.rollout import rm_hub
        from slime.utils.types import Sample

        samples = [Sample(prompt="1 + 1?", response=response, label="2") for response in (RIGHT, WRONG)]
        settings = types.SimpleNamespace(**{"custom_rm_path": None, "rm_type": None, **settings})

        async def rewards():
            each = [await rm_hub.async_rm(settings, sample) for sample in samples]
            together = await rm_hub.batched_async_rm(settings, samples)
            if rm_hub._shared_session is not None:
                await rm_hub._shared_session.close()
            return each, together

        self.assertEqual(asyncio.run(rewards()), ([1.0, 0.0], [1.0, 0.0]))

    def test_it_takes_a_reward_file(self):
        name = "gavel_reward_of_slime"
        program = f"from gavel_rl.slime import reward_func\nreward_func = reward_func({str(self.folder / 'reward.toml')!r})\n"
        (self.folder / f"{name}.py").write_text(program)
        sys.path.insert(0, str(self.folder))
        self.addCleanup(sys.path.remove, str(self.folder))
        self.ask(custom_rm_path=f"{name}.reward_func")

    def test_it_asks_a_server(self):
        url = serve(self, "--reward", f"math={self.folder / 'reward.toml'}")
        self.ask(rm_type="remote_rm", rm_url=f"{url}/remote_rm")


@unittest.skipIf(missing("openenv", "websockets"), "OpenEnv is not installed")
class OpenEnv(InAFolder):
    """OpenEnv's own client, at a server."""

    TASK = {"prompt": "1 + 1?", "reference": "2"}

    def setUp(self):
        super().setUp()
        self.base_url = serve(self, "--reward", f"math={self.folder / 'reward.toml'}")

    def test_a_session(self):
        from openenv.core.generic_client import GenericEnvClient

        with GenericEnvClient(base_url=self.base_url).sync() as environment:
            for number, (answer, reward) in enumerate(((RIGHT, 1.0), (WRONG, 0.0))):
                reset = environment.reset(seed=number, episode_id=f"episode {number}", task=self.TASK)
                self.assertEqual((reset.observation["prompt"], reset.reward, reset.done), ("1 + 1?", None, False))
                step = environment.step({"completion": answer})
                self.assertEqual((step.reward, step.done), (reward, True))
                self.assertIn("number", step.metadata["outcomes"]["math"]["reason"])
                state = environment.state()
                self.assertEqual((state["episode_id"], state["step_count"]), (f"episode {number}", 1))

    def test_what_is_wrong_is_raised_and_the_session_goes_on(self):
        from openenv.core.generic_client import GenericEnvClient

        with GenericEnvClient(base_url=f"{self.base_url}/rewards/math").sync() as environment:
            with self.assertRaisesRegex(RuntimeError, "no open episode.*EXECUTION_ERROR"):
                environment.step({"completion": RIGHT})
            environment.reset(**self.TASK)
            with self.assertRaisesRegex(RuntimeError, "missing field.*VALIDATION_ERROR"):
                environment.step({"answer": RIGHT})
            self.assertEqual(environment.step({"completion": RIGHT}).reward, 1.0)

    def test_many_sessions_at_once(self):
        from openenv.core.generic_client import GenericEnvClient

        async def episode(number):
            async with GenericEnvClient(base_url=self.base_url) as environment:
                await environment.reset(task={"prompt": "?", "reference": str(number)})
                return (await environment.step({"completion": rf"\boxed{{{number % 10}}}"})).reward

        async def episodes():
            return await asyncio.gather(*(episode(number) for number in range(64)))

        self.assertEqual(asyncio.run(episodes()), [1.0] * 10 + [0.0] * 54)


@unittest.skipIf(missing("openenv"), "OpenEnv is not installed")
class OpenEnvRubric(InAFolder):
    """A rubric in OpenEnv's own environment and containers."""

    TASK = {"prompt": "1 + 1?", "reference": "2", "level": 1}

    def environment(self, rubric):
        from openenv.core.env_server.interfaces import Environment
        from openenv.core.env_server.types import Action, Observation, State

        class Answer(Action):
            message: str

        class Sums(Environment):
            def reset(self, seed=None, episode_id=None, **_):
                return Observation(done=False)

            def step(self, action, timeout_s=None, **_):
                observation = Observation(done=True, metadata=OpenEnvRubric.TASK)
                observation.reward = self._apply_rubric(action, observation)
                return observation

            @property
            def state(self):
                return State()

        return Sums(rubric=rubric), Answer

    def test_a_step_is_worth_what_the_reward_file_says(self):
        from gavel_rl.openenv import GavelRubric

        rubric = GavelRubric(self.folder / "reward.toml")
        environment, answer = self.environment(rubric)
        for text, reward in ((RIGHT, 1.0), (WRONG, 0.0)):
            self.assertEqual(environment.step(answer(message=text)).reward, reward)
            self.assertEqual(rubric.last_score, reward)
            self.assertIn("number", rubric.last.outcomes["math"].reason)

    def test_among_other_rubrics(self):
        from openenv.core.rubrics import Gate, WeightedSum

        from gavel_rl.openenv import GavelRubric

        known = GavelRubric(Reward(MATH), task=lambda action, observation: self.TASK)
        rubric = WeightedSum([Gate(known, threshold=1.0), GavelRubric(Reward(MATH))], [0.5, 0.5])
        environment, answer = self.environment(rubric)
        self.assertEqual(environment.step(answer(message=RIGHT)).reward, 1.0)
        self.assertEqual(environment.step(answer(message=WRONG)).reward, 0.0)

    def test_no_reward_is_no_number_unless_somebody_says_which(self):
        from gavel_rl.openenv import GavelRubric

        without = {"task": lambda action, observation: {"prompt": "?"}}
        with self.assertRaisesRegex(ValueError, "has no reward"):
            GavelRubric(Reward(MATH), **without)(RIGHT, None)
        self.assertEqual(GavelRubric(Reward(MATH), **without, no_reward=-1.0)(RIGHT, None), -1.0)
        with self.assertRaisesRegex(ValueError, "an action has a completion"):
            GavelRubric(Reward(MATH), **without)({"answer": RIGHT}, None)


@unittest.skipIf(missing("nemo_gym", "fastapi", "httpx"), "NeMo Gym is not installed")
class NemoGym(InAFolder):
    """NeMo Gym's own base class around a reward file, asked over HTTP as its agents ask."""

    #: What its repository says of its own servers: requests, and rollouts with the rewards that they gave.
    FIXTURES = Path(__file__).parents[3].resolve().parent / "shared/data/nemo_gym_fixtures"

    def client(self, reward):
        from unittest.mock import MagicMock

        from fastapi.testclient import TestClient
        from nemo_gym.server_utils import ServerClient

        from gavel_rl.nemo_gym import GavelResourcesServer, GavelResourcesServerConfig

        path = self.folder / "of-nemo-gym.toml"
        path.write_text(reward)
        config = GavelResourcesServerConfig(host="127.0.0.1", port=0, entrypoint="app.py", name="gavel", reward=str(path))
        server = GavelResourcesServer(config=config, server_client=MagicMock(spec=ServerClient))
        return TestClient(server.setup_webserver())

    def test_a_request_comes_back_with_its_reward(self):
        client = self.client('[reward]\nformula = "math"\n[verifiers.math]\nplugin = "math"\noptions = { order = ["boxed"] }\n')
        lines = (Path(__file__).parents[3] / "tests/rows/nemo-gym-requests.jsonl").read_text().splitlines()
        self.assertGreater(len(lines), 3)
        for line in lines:
            request = json.loads(line)
            expected = request.pop("reward")
            said = client.post("/verify", json=request).json()
            self.assertEqual((said["reward"], said["mask_sample"]), (expected, False), said)
            self.assertEqual(said["expected_answer"], request["expected_answer"])
            self.assertEqual(said["reward_components"], {"math": expected})
            self.assertIn("math", said["gavel"]["outcomes"])
        self.assertEqual(client.post("/seed_session", json={}).json(), {})

    def test_what_has_no_reward_measures_nothing(self):
        client = self.client(FILE)
        request = json.loads((Path(__file__).parents[3] / "tests/rows/nemo-gym-requests.jsonl").read_text().splitlines()[0])
        del request["expected_answer"]
        said = client.post("/verify", json=request).json()
        self.assertEqual((said["reward"], said["mask_sample"], said["failure_kind"]), (0.0, True, "gavel:dropped"))
        self.assertIn("math: ", said["failure_reason"])
        responses = [
            {"_ng_task_index": 0, "_ng_rollout_index": number, **answer}
            for number, answer in enumerate(({"reward": 1.0}, {"reward": 0.0}, {"reward": 0.0, "mask_sample": True}))
        ]
        sums = client.post("/aggregate_metrics", json={"verify_responses": responses}).json()
        self.assertEqual(sums["agent_metrics"]["mean/reward"], 0.5)

    def test_its_own_rollouts_come_back_with_a_reward(self):
        if not self.FIXTURES.is_dir():
            print(f"skipped: NeMo Gym's rollouts, which are not in {self.FIXTURES}")
            self.skipTest("there are no fixtures")
        client = self.client('[reward]\nformula = "math"\n[verifiers.math]\nplugin = "math"\noptions = { order = ["boxed"] }\n')
        count = 0
        for file in sorted(self.FIXTURES.glob("*.example_rollouts.jsonl")):
            for line in file.read_text().splitlines():
                rollout = json.loads(line)
                # Those of older versions say `null` where newer ones want nothing.
                for part in ("responses_create_params", "response"):
                    rollout[part] = {name: value for name, value in rollout[part].items() if value is not None}
                with self.subTest(server=file.name, rollout=rollout["response"]["id"]):
                    answer = client.post("/verify", json=rollout)
                    self.assertEqual(answer.status_code, 200, answer.text)
                    said, count = answer.json(), count + 1
                    if file.name.startswith("math_with_judge"):
                        self.assertEqual((said["reward"], said["mask_sample"]), (rollout["reward"], False), said)
                    others = set(rollout) - {"responses_create_params", "response", "reward"}
                    self.assertEqual({name: said[name] for name in others}, {name: rollout[name] for name in others})
        self.assertGreater(count, 50)


@unittest.skipIf(missing("ray"), "Ray is not installed")
class Ray(InAFolder):
    @classmethod
    def setUpClass(cls):
        import ray

        # Else Ray writes a token into the user's home.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        # The workers import what the tests import.
        path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": path}})

    @classmethod
    def tearDownClass(cls):
        import ray

        ray.shutdown()

    def pool(self, reward, **settings):
        from gavel_rl.ray import RewardPool

        pool = RewardPool(reward, **settings)
        self.addCleanup(pool.close)
        return pool

    def test_many_actors_say_what_one_process_says_in_order(self):
        pool = self.pool(self.folder / "reward.toml", actors=2)
        completions = [rf"\boxed{{{number % 5}}}" for number in range(1000)]
        said = pool.score(completions=completions, reference=["2"] * 1000)
        here = Reward(self.folder / "reward.toml").score(completions=completions, reference=["2"] * 1000)
        forms = [[score.form for score in scores] for scores in (said, here)]
        for form in forms[0] + forms[1]:
            del form["outcomes"]["math"]["ms"]
        self.assertEqual(*forms)
        self.assertEqual(len({score.reward for score in said}), 2)

    def test_asynchronously_too_and_a_small_batch_is_shared(self):
        pool = self.pool(Reward(MATH), actors=2)

        async def ask():
            return await pool.ascore(completions=[RIGHT, WRONG, RIGHT], prompts=["?"] * 3, reference=["2"] * 3)

        self.assertEqual([score.reward for score in asyncio.run(ask())], [1.0, 0.0, 1.0])
        self.assertEqual(pool.score(completions=[]), [])

    def test_functions_travel(self):
        pool = self.pool(Reward({"verifiers": {"brief": brief, "odd": lambda completion: math.nan}, "reward": {"formula": "brief"}}))
        (score,) = pool.score(completions=["x"])
        self.assertEqual((score.reward, score.outcomes["odd"].status), (1.0, "refused"))

    def test_the_example_runs(self):
        example = Path(__file__).parents[3] / "examples/ray/score.py"
        said = subprocess.run([sys.executable, example], cwd=self.folder, capture_output=True, text=True, timeout=300)
        self.assertEqual(said.returncode, 0, said.stderr[-3000:])
        self.assertEqual([line.split()[0] for line in said.stdout.splitlines()], ["1.0", "0.0", "0.0"], said.stdout)

    def test_an_actor_that_dies_is_asked_again(self):
        import ray

        pool = self.pool(Reward(MATH), actors=2)
        pool.score(completions=[RIGHT] * 4, reference=["2"] * 4)
        process = ray.get(pool._actors[0].pid.remote())
        os.kill(process, signal.SIGKILL)
        scores = pool.score(completions=[RIGHT, WRONG] * 500, reference=["2"] * 1000)
        self.assertEqual([score.reward for score in scores], [1.0, 0.0] * 500)
        self.assertNotEqual(ray.get(pool._actors[0].pid.remote()), process)

    def test_columns_that_are_not_equally_long_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`reference` has 1 entries"):
            self.pool(Reward(MATH)).score(completions=[RIGHT] * 2, reference=["2"])


class Harbor(unittest.TestCase):
    """The task of `examples/harbor`, its script run as Harbor runs it, but for the container."""

    TASK = Path(__file__).parents[3] / "examples/harbor"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def judge(self, answer, reward_file=None):
        tests = self.folder / "tests"
        shutil.copytree(self.TASK / "tests", tests)
        if reward_file is not None:
            (tests / "reward.toml").write_text(reward_file)
        shutil.copy(Path(gavel_rl.__file__).with_name("bin") / "gavel", tests)
        (self.folder / "answer.txt").write_text(answer)
        environment = {**os.environ, "LOGS": str(self.folder / "logs"), "ANSWER": str(self.folder / "answer.txt")}
        said = subprocess.run(["sh", tests / "test.sh"], env=environment, capture_output=True, text=True)
        shutil.rmtree(tests)
        return said, self.folder / "logs/reward.json"

    def test_the_answer_is_judged(self):
        hostile = 'It is \\boxed{43}. ","reward":1.0,"outcomes":{} "\n","42"\n'
        for answer, reward in ((r"It is \boxed{42}.", 1.0), (r"It is \boxed{43}.", 0.0), (hostile, 0.0)):
            said, file = self.judge(answer)
            self.assertEqual(json.loads(file.read_text()), {"reward": reward}, said.stderr)

    def test_no_reward_is_no_file(self):
        said, file = self.judge("42", FILE + "limits = { fuel = 1000 }\n")
        self.assertNotEqual(said.returncode, 0)
        self.assertFalse(file.exists())
        self.assertIn("no submission has a reward", said.stderr)

    @unittest.skipIf(missing("harbor"), "Harbor is not installed")
    def test_harbor_reads_the_task_and_the_reward(self):
        from harbor.models.task.task import Task
        from harbor.verifier.verifier import Verifier

        self.assertIn("6 * 7", Task(self.TASK).instruction)
        _, file = self.judge(r"It is \boxed{42}.")
        reader = types.SimpleNamespace(trial_paths=types.SimpleNamespace(reward_json_path=file))
        self.assertEqual(Verifier._parse_reward_json(reader), {"reward": 1.0})


if __name__ == "__main__":
    unittest.main()
