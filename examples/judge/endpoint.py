"""A stand-in for a model: answers chat completions with a score that grows with the length of what it is shown.

It speaks just enough of OpenAI's protocol for the example: `python3 endpoint.py [PORT]`, 8010 without one.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = request["messages"][-1]["content"]
        # The last of the marked texts is the completion; its mark is another one for every submission.
        texts = re.findall(r"<(data-[0-9a-f]+)>\n(.*?)\n</\1>", question, re.DOTALL)
        words = len(texts[-1][1].split())
        answer = {"reason": f"it has {words} words", "score": max(1, min(5, words // 3))}
        tokens = len(question.split())
        body = json.dumps({
            "model": request["model"],
            "choices": [{"message": {"role": "assistant", "content": json.dumps(answer)}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": 12},
        }).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8010
    ThreadingHTTPServer(("127.0.0.1", port), Endpoint).serve_forever()
