"""A stand-in for Replicate: takes predictions and posts to their webhooks, as awkwardly as real services do.

How it behaves is said in the prompt: `form` posts a form instead of JSON, `twice` says everything twice, `late` comes
after the token has timed out, `fail` fails, and `never` forgets.

    python replicate_stand_in.py            on http://127.0.0.1:5055
"""

import json
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

LATE = 3.0  # seconds


class StandIn(ThreadingHTTPServer):
    """The service; `started` holds the prompts it was given, `posted` what its webhooks were answered."""

    def __init__(self, port: int = 5055) -> None:
        super().__init__(("127.0.0.1", port), _Predictions)
        self.started: dict[str, str] = {}  # idempotency key → prompt
        self.posted: list[tuple[str, int]] = []  # prompt, status

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def predict(self, number: int, prompt: str, webhook: str) -> None:
        """What happens in a while."""
        if "never" in prompt:
            return
        if "late" in prompt:
            time.sleep(LATE)
        prediction: dict[str, Any] = {"id": f"prediction-{number}", "status": "succeeded"}
        if "fail" in prompt:
            prediction |= {"status": "failed", "error": "out of paint"}
        else:
            prediction["output"] = f"https://replicate.delivery/{number}.png"
        for _ in range(2 if "twice" in prompt else 1):
            self.posted.append((prompt, _post(webhook, prediction, as_form="form" in prompt)))


class _Predictions(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key, prompt = self.headers["Idempotency-Key"], str(asked["input"]["prompt"])
        is_new = key not in self.server.started
        self.server.started[key] = prompt
        number = list(self.server.started).index(key)
        if is_new:
            work = threading.Thread(target=self.server.predict, args=(number, prompt, asked["webhook"]), daemon=True)
            work.start()
        body = json.dumps({"id": f"prediction-{number}", "status": "starting"}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


def _post(url: str, prediction: dict[str, Any], *, as_form: bool) -> int:
    body = urlencode(prediction).encode() if as_form else json.dumps(prediction).encode()
    kind = "application/x-www-form-urlencoded" if as_form else "application/json"
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


if __name__ == "__main__":
    with StandIn() as service:
        print(f"Replicate, more or less, on {service.url}", flush=True)
        service.serve_forever()
