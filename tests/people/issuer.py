"""An issuer of tokens for agents, which signs whatever it is told to, and with which key.

run issuer.py

It publishes its keys as an OpenID provider does; tokens come by `do_sign` alone. The library that
makes them, PyJWT, also tells what it makes of those of others: `do_verify`.
"""

import asyncio
import hmac
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms
from jwt.utils import base64url_encode

from control import obey, say

MAKERS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
}
# A key that is nowhere published.
STRANGER = "stranger"


def confused(claims, headers, public):
    """A token whose HMAC takes a public key for its secret. PyJWT would not make it."""
    secret = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    parts = [json.dumps(part).encode() for part in ({**headers, "alg": "HS256"}, claims)]
    signed = b".".join(base64url_encode(part) for part in parts)
    digest = hmac.digest(secret, signed, "sha256")
    return b".".join([signed, base64url_encode(digest)]).decode()


class Issuer:
    """The keys, and what was asked."""

    def __init__(self):
        self.generation, self.keys, self.published = 0, {}, []
        self.failures, self.delays, self.seen = {}, {}, []
        self.url = ""
        self.make(STRANGER)
        self.make()

    def make(self, generation=None):
        """A key for each algorithm; the current ones unless they have another name."""
        if generation is None:
            self.generation += 1
            generation = self.generation
        for algorithm, maker in MAKERS.items():
            kid = f"key-{generation}-{algorithm}"
            self.keys[generation, algorithm] = maker()
            if generation != STRANGER:
                self.published.append((kid, algorithm, generation))

    def document(self, path):
        """What is published at this path; nothing where nothing is."""
        if path == "/jwks":
            return {"keys": [self.public(*each) for each in self.published]}
        if path in (
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
        ):
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
                "authorization_endpoint": f"{self.url}/nowhere",
                "token_endpoint": f"{self.url}/nowhere",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": list(MAKERS),
                "code_challenge_methods_supported": ["S256"],
            }
        return None

    def public(self, kid, algorithm, generation):
        """A key as it is published."""
        key = self.keys[generation, algorithm].public_key()
        described = get_default_algorithms()[algorithm].to_jwk(key, as_dict=True)
        return {**described, "kid": kid, "alg": algorithm, "use": "sig"}

    async def do_sign(self, claims, alg="ES256", key=None, header=None):
        """A token that says this; `None` takes away what it would say by itself.

        `alg` may be `none`, or `HS256` with the public key for its secret. `key` is the number of
        a generation, or `stranger`.
        """
        now = int(time.time())
        usual = {"iss": self.url, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        generation = self.generation if key is None else key
        named = self.generation if key == STRANGER else generation
        family = "ES256" if alg in ("none", "HS256") else alg
        headers = {"typ": "at+jwt", "kid": f"key-{named}-{family}", **(header or {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        secret = self.keys[generation, family]
        if alg == "none":
            return jwt.encode(said, None, "none", headers)
        if alg == "HS256":
            return confused(said, headers, secret.public_key())
        return jwt.encode(said, secret, alg, headers)

    async def do_rotate(self, keep=True):
        """Signs with new keys from now on; `keep` says whether the former stay published."""
        if not keep:
            self.published = []
        self.make()
        return self.generation

    async def do_verify(self, token, jwks, issuer, audience=None):
        """The claims of somebody's token whose keys are published at `jwks`."""

        def verify():
            key = jwt.PyJWKClient(jwks).get_signing_key_from_jwt(token)
            return jwt.decode(
                token, key, algorithms=list(MAKERS), issuer=issuer, audience=audience
            )

        return await asyncio.get_running_loop().run_in_executor(None, verify)

    async def do_fail(self, path, times=1):
        """The next so many requests for this path fail."""
        self.failures[path] = times

    async def do_delay(self, path, seconds):
        """Requests for this path take so long."""
        self.delays[path] = seconds

    async def do_seen(self):
        """The paths that were asked for so far."""
        return self.seen


def handler(issuer):
    """Answers requests for what this issuer publishes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            issuer.seen.append(self.path)
            time.sleep(issuer.delays.get(self.path, 0))
            document = issuer.document(self.path)
            status = 200 if document is not None else 404
            if issuer.failures.get(self.path, 0) > 0:
                issuer.failures[self.path] -= 1
                status = 503
            body = json.dumps(document if status == 200 else {"error": status}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


async def main():
    """Serves."""
    issuer = Issuer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(issuer))
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say({"issuer": issuer.url, "jwks": f"{issuer.url}/jwks"})
    await obey(issuer)


if __name__ == "__main__":
    asyncio.run(main())
