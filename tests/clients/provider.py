"""A stand-in model provider on 127.0.0.1 that speaks the OpenAI and the Anthropic dialect.

run provider.py --port 0 [--key upstream-secret] [--agent-key KEY]
    prints `listening on http://127.0.0.1:PORT`

It answers 401 unless its own key comes as a bearer token or as x-api-key, and 500 if any header
carries --agent-key. A message that contains one of these words gets trouble instead of an answer:
    `status 429`    that status with the dialect's error body
    `break`         a stream that ends after three events; a plain answer cut in half
    `overload`      a stream with an error event in the middle (Anthropic dialect)
GET /_seen tells the requests that were received, the newest last: method, path, headers, and the
SHA-256 digests of the body that came and of the body that goes out for it.
"""

import argparse
import collections
import hashlib
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import provider_anthropic as anthropic
import provider_openai as openai

# How many requests /_seen remembers, and the largest body that is read, in bytes.
SEEN_KEPT = 4096
BODY_BYTES = 128 * 1024 * 1024

ROUTES = {
    "/v1/chat/completions": ("openai", openai.chat),
    "/v1/responses": ("openai", openai.responses),
    "/v1/embeddings": ("openai", openai.embeddings),
    "/v1/messages": ("anthropic", anthropic.messages),
}
STATUS_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def failure(dialect, status, message, code=None):
    """An error answer in the dialect: its status and its body."""
    kind = STATUS_KINDS.get(status, "api_error")
    if dialect == "anthropic":
        return anthropic.error(status, message, kind)
    return openai.error(
        status, message, code, "server_error" if status >= 500 else "invalid_request_error"
    )


def frames(events):
    """The events of a stream as server-sent events, one bytes object each."""
    for name, data in events:
        named = f"event: {name}\n" if name else ""
        written = (
            data
            if isinstance(data, str)
            else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        )
        yield f"{named}data: {written}\n\n".encode()


class Provider(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    # Each event must leave when it is written, not when a segment is full.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Says nothing: /_seen tells what was received."""

    @property
    def dialect(self):
        """The dialect spoken by this request; a list of models is asked for in either."""
        anthropic_headers = "anthropic-version" in self.headers or "x-api-key" in self.headers
        return (
            "anthropic" if self.path.startswith("/v1/messages") or anthropic_headers else "openai"
        )

    def read_body(self):
        """The body, of known length or chunked."""
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(min(int(self.headers.get("content-length", 0)), BODY_BYTES))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
            if len(body) > BODY_BYTES:
                raise ValueError(f"the body is larger than {BODY_BYTES} bytes")
        self.rfile.readline()
        return body

    def do_GET(self):
        """Lists the models, or what was seen."""
        if self.path == "/_seen":
            with self.server.lock:
                self.send_json(200, {"requests": list(self.server.seen)})
            return
        body = self.read_body()
        path = self.path.split("?")[0]
        speaker = anthropic if self.dialect == "anthropic" else openai
        if refused := self.refusal():
            status, answer = refused
        elif path == "/v1/models":
            status, answer = 200, speaker.models()
        elif path.removeprefix("/v1/models/") in speaker.MODELS:
            status, answer = 200, speaker.model(path.removeprefix("/v1/models/"))
        else:
            status, answer = failure(self.dialect, 404, f"there is no {path}", "not_found")
        self.send_json(status, answer, received=body)

    def do_POST(self):
        """Answers a model call."""
        body = self.read_body()
        status, answer = self.refusal() or self.answer(body)
        cut = b"break" in body and status == 200
        if isinstance(answer, list):
            self.send_stream(answer, received=body, cut=cut)
        else:
            self.send_json(status, answer, received=body, cut=cut)

    def refusal(self):
        """Why this request must not be here, or nothing."""
        values = [value for _, value in self.headers.items()]
        leaked = self.server.agent_key
        if leaked and any(leaked in value for value in values):
            return failure(self.dialect, 500, "the key of the agent reached the provider")
        key = self.server.key
        if (
            self.headers.get("authorization") == f"Bearer {key}"
            or self.headers.get("x-api-key") == key
        ):
            return None
        return failure(self.dialect, 401, "the key is missing or wrong", "invalid_api_key")

    def answer(self, body):
        """The status and the answer to a model call."""
        dialect, respond = ROUTES.get(self.path.split("?")[0], (None, None))
        if respond is None:
            return failure("openai", 404, f"there is no {self.path}", "not_found")
        try:
            request = json.loads(body)
            name = request["model"]
        except (ValueError, KeyError, TypeError) as problem:
            return failure(dialect, 400, f"the body is not a request: {problem!r}", "invalid_json")
        known = anthropic.MODELS if dialect == "anthropic" else openai.MODELS
        if name not in known:
            return failure(dialect, 404, f"the model `{name}` does not exist", "model_not_found")
        if asked := re.search(rb"status (\d{3})", body):
            return failure(dialect, int(asked[1]), "as asked", "as_asked")
        answer = respond(request)
        if b"overload" in body and isinstance(answer, list):
            _, trouble = anthropic.error(529, "Overloaded", "overloaded_error")
            answer[3:] = [("error", trouble)]
        return 200, answer

    def send_json(self, status, answer, received=None, cut=False):
        """Sends a plain answer, or half of it."""
        payload = json.dumps(answer, ensure_ascii=False).encode()
        length = len(payload)
        payload = payload[: length // 2] if cut else payload
        if received is not None:
            self.remember(received, payload)
        self.send_head(status, {"Content-Type": "application/json", "Content-Length": str(length)})
        self.wfile.write(payload)
        self.close_connection = self.close_connection or cut

    def send_stream(self, events, received, cut=False):
        """Sends a stream event by event, or its first three events."""
        parts = list(frames(events[:3] if cut else events))
        self.remember(received, b"".join(parts))
        chunked = {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Transfer-Encoding": "chunked",
        }
        self.send_head(200, {**chunked, "Cache-Control": "no-cache"})
        for part in parts:
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        if cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def send_head(self, status, headers):
        """Sends the status and the headers, with the request's id under both dialects' names."""
        self.send_response(status)
        for name, value in {
            **headers,
            "x-request-id": "req_countersign",
            "request-id": "req_countersign",
        }.items():
            self.send_header(name, value)
        self.end_headers()

    def remember(self, body, sent):
        """Keeps a note of this request for /_seen, before any of its answer has gone."""
        note = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "received_sha256": hashlib.sha256(body).hexdigest(),
            "sent_sha256": hashlib.sha256(sent).hexdigest(),
        }
        with self.server.lock:
            self.server.seen.append(note)


class Server(ThreadingHTTPServer):
    """The listener and what all connections share."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, options):
        super().__init__(("127.0.0.1", options.port), Provider)
        self.key = options.key
        self.agent_key = options.agent_key
        self.seen = collections.deque(maxlen=SEEN_KEPT)
        self.lock = threading.Lock()

    def handle_error(self, request, client_address):
        """Says nothing about clients that hang up: that is theirs to do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="upstream-secret")
    parser.add_argument("--agent-key", default="")
    server = Server(parser.parse_args())
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
