"""Judges, at an endpoint that the test starts; and the components of a reward."""

import json
import os
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gavel_rl import NoReward, Reward, RewardError

KEY = "sk-test-0123456789"


class Endpoint(BaseHTTPRequestHandler):
    """Says 4 after a moment; is down where the completion wants that."""

    keys: list[str] = []

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.keys.append(self.headers["Authorization"])
        time.sleep(0.1)
        if "\ndown\n" in request["messages"][-1]["content"]:
            self.send_error(503)
            return
        message = {"role": "assistant", "content": json.dumps({"score": 4})}
        body = json.dumps({"model": request["model"], "choices": [{"message": message, "finish_reason": "stop"}]})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def judge(address, **more):
    return {
        "verifiers": {
            "helpful": {
                "kind": "judge",
                "endpoint": address,
                "grant": ["endpoint"],
                "model": "judge-8b",
                "key_env": "GAVEL_TEST_JUDGE_KEY",
                "retries": 0,
                "template": "{{ completion }}",
                "schema": {
                    "type": "object",
                    "required": ["score"],
                    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
                },
                **more,
            }
        }
    }


class Judges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        cls.server.daemon_threads = True
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.address = f"http://127.0.0.1:{cls.server.server_port}/v1"
        os.environ["GAVEL_TEST_JUDGE_KEY"] = KEY

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def test_a_judge_answers_many_at_once_and_what_fails_is_no_zero(self):
        reward = Reward(judge(self.address, max_concurrency=16))
        started = time.monotonic()
        scores = reward.score(completions=["Restart it."] * 31 + ["down"])
        self.assertLess(time.monotonic() - started, 2.5)
        self.assertEqual([score.reward for score in scores], [4.0] * 31 + [None])
        self.assertEqual(scores[31].no_reward, NoReward(kind="host-failed", verifier="helpful"))
        call = scores[0].outcomes["helpful"].call
        self.assertEqual(call["answer"]["content"], '{"score": 4}')
        self.assertIn("503", scores[31].outcomes["helpful"].call["error"])
        self.assertEqual(set(Endpoint.keys), {f"Bearer {KEY}"})
        self.assertNotIn(KEY, "".join(score.json for score in scores))

    def test_a_key_that_is_not_there_is_said(self):
        with self.assertRaisesRegex(RewardError, "environment variable NO_SUCH_KEY is not set"):
            Reward(judge(self.address, key_env="NO_SUCH_KEY"))


class Components(unittest.TestCase):
    def test_a_score_has_them_by_name(self):
        verifiers = {"math": {"plugin": "math"}, "brief": lambda completion: float(len(completion) < 20)}
        reward = Reward({"verifiers": verifiers, "reward": {"components": {"math": 2.0, "brief": 0.5}}})
        (score,) = reward.score(completions=[r"It is \boxed{3}."], reference=["2"])
        self.assertEqual((score.reward, score.components), (0.5, {"math": 0.0, "brief": 1.0}))
        (score,) = Reward({"verifiers": {"math": {"plugin": "math"}}}).score(completions=["2"], reference=["2"])
        self.assertEqual(score.components, {})


if __name__ == "__main__":
    unittest.main()
