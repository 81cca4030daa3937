"""What surrounds a reward in somebody else's process: signals, forks, Ctrl-C, the end of the interpreter, limits."""

import os
import tempfile
import textwrap
import unittest

from support import python

#: After which a trap is an outcome, and the next submission is judged as ever.
TRAPS = """
scores = reward.score(completions=["#u", "#o", "#d", "#s", "-"])
said = [score.outcomes["it"].status for score in scores]
assert said == ["trap", "trap", "trap", said[3], "verdict"] and said[3] != "verdict", said
print("right")
"""
LOAD = "reward = Reward.from_dict(MISBEHAVES)\n"


class Signals(unittest.TestCase):
    def judges(self, program, *arguments):
        said = python(program, *arguments)
        self.assertEqual((said.stdout, said.returncode), ("right\n", 0), said.stderr[-2000:])

    def test_plain(self):
        self.judges(LOAD + TRAPS)

    def test_faulthandler_before(self):
        self.judges("faulthandler.enable()\n" + LOAD + TRAPS)

    def test_faulthandler_after(self):
        self.judges(LOAD + "faulthandler.enable()\n" + TRAPS)

    def test_development_mode(self):
        self.judges(LOAD + TRAPS, "-X", "dev")

    def test_handlers_of_python_after(self):
        take = "for taken in (signal.SIGSEGV, signal.SIGILL, signal.SIGFPE): signal.signal(taken, lambda *_: None)\n"
        self.judges(LOAD + take + TRAPS)


class Forks(unittest.TestCase):
    def says(self, program, expected, **more):
        said = python(program, **more)
        self.assertEqual((said.stdout, said.returncode), (expected, 0), said.stderr[-2000:])

    def test_a_child_loads_again_and_the_parent_goes_on(self):
        program = """
        reward = Reward.from_dict(MATH)
        def ask():
            return reward.score(completions=["\\\\boxed{2}"], reference=["2"])[0].reward
        assert ask() == 1
        child = os.fork()
        if child == 0:
            os._exit(7 if ask() == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert ask() == 1
        print("both")
        """
        self.says(program, "both\n")

    def test_a_child_compiles_though_its_parent_has(self):
        program = """
        reward = Reward.from_dict(MATH)
        child = os.fork()
        if child == 0:
            other = Reward.from_dict(MISBEHAVES)
            os._exit(7 if other.score(completions=["-"])[0].reward == 0.5 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        print("compiled")
        """
        with tempfile.TemporaryDirectory() as cache:
            self.says(program, "compiled\n", environment={**os.environ, "GAVEL_CACHE_DIR": cache})

    def test_a_fork_while_others_score(self):
        program = """
        reward = Reward.from_dict(MATH)
        going = True
        def score():
            while going:
                assert reward.score(completions=["\\\\boxed{2}"], reference=["2"])[0].reward == 1
        threads = [threading.Thread(target=score) for _ in range(2)]
        [thread.start() for thread in threads]
        for _ in range(10):
            child = os.fork()
            if child == 0:
                os._exit(7 if reward.score(completions=["\\\\boxed{2}"], reference=["2"])[0].reward == 1 else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        going = False
        [thread.join() for thread in threads]
        print("ten")
        """
        self.says(program, "ten\n")


class Interrupts(unittest.TestCase):
    def test_ctrl_c_ends_a_call_within_a_tenth_of_a_second(self):
        program = """
        reward = Reward.from_dict(MISBEHAVES, workspace=Workspace(jobs=2))
        def interrupt():
            global sent
            time.sleep(0.3)
            sent = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        try:
            reward.score(completions=["#l"] * 100)
        except KeyboardInterrupt:
            print(time.monotonic() - sent)
        before = time.monotonic()
        assert reward.score(completions=["-"])[0].reward == 0.5
        print(time.monotonic() - before)
        """
        said = python(program)
        heard, free = map(float, said.stdout.split())
        self.assertLess(heard, 0.1)
        self.assertLess(free, 1)

    def test_other_threads_run_while_one_waits(self):
        program = """
        reward = Reward.from_dict(MISBEHAVES)
        waiting = threading.Thread(target=reward.score, kwargs={"completions": ["#l"]}, daemon=True)
        waiting.start()
        before, count = time.monotonic(), 0
        while time.monotonic() - before < 0.3:
            count += 1
        print(count > 1000 and waiting.is_alive())
        """
        self.assertEqual(python(program).stdout, "True\n")


class Exits(unittest.TestCase):
    ENDINGS = {
        "replies that nobody awaits": """
            reward = Reward.from_dict(MATH)
            async def leave():
                for _ in range(1000):
                    asyncio.ensure_future(reward.ascore(completions=["\\\\boxed{2}"], reference=["2"]))
                await asyncio.sleep(0.005)
            asyncio.run(leave())
            """,
        "calls whose loop has ended": """
            reward = Reward.from_dict(MATH)
            loop = asyncio.new_event_loop()
            async def leave():
                asyncio.ensure_future(reward.ascore(completions=["\\\\boxed{2}"] * 500, reference=["2"] * 500))
                await asyncio.sleep(0)
            loop.run_until_complete(leave())
            """,
        "a thread that waits": """
            reward = Reward.from_dict(MISBEHAVES)
            threading.Thread(target=reward.score, kwargs={"completions": ["#l"] * 3}, daemon=True).start()
            time.sleep(0.1)
            """,
        "threads that score": """
            reward = Reward.from_dict(MATH)
            def score():
                while True:
                    reward.score(completions=["\\\\boxed{2}"] * 3, reference=["2"] * 3)
            for _ in range(3):
                threading.Thread(target=score, daemon=True).start()
            time.sleep(0.1)
            """,
    }

    def test_the_interpreter_ends_with_work_in_flight(self):
        for name, program in self.ENDINGS.items():
            for _ in range(5):
                with self.subTest(name):
                    said = python(program, "-X", "faulthandler", timeout=20)
                    self.assertEqual(said.returncode, 0, said.stderr[-2000:])
                    self.assertNotIn("Fatal", said.stderr)


class Limits(unittest.TestCase):
    def test_little_address_space(self):
        program = """
        reward = Reward.from_dict(MISBEHAVES, workspace=Workspace(jobs=2))
        print(reward.score(completions=["-"])[0].reward)
        """
        limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (32 << 30, 32 << 30))\n"
        said = python(limit + textwrap.dedent(program))
        self.assertEqual(said.stdout, "0.5\n", said.stderr[-2000:])


if __name__ == "__main__":
    unittest.main()
