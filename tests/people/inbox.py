"""A mail server that keeps what it is given, and fails as it is told to.

run inbox.py FOLDER [NAME]

It listens on three ports: `starttls` and `tls` want a password, behind TLS; `plain` has no TLS and
wants none. Its certificate is for NAME (`localhost` unless given) and 127.0.0.1, signed by the
authority that it writes to FOLDER/ca.pem.
"""

import asyncio
import email
import email.policy
import html.parser
import logging
import re
import ssl
import sys
import warnings
from pathlib import Path

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from control import obey, say

USER = "countersign"
PASSWORD = "the-password-of-the-mail-server"


class Links(html.parser.HTMLParser):
    """Collects where the links of a page lead to, and everything else that would be loaded."""

    def __init__(self):
        super().__init__()
        self.links = []
        self.loaded = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "href" and tag in ("a", "area"):
                self.links.append(value)
            elif name in ("src", "href", "background", "action", "srcset"):
                self.loaded.append(value)


def read(raw):
    """A message as a test wants to look at it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    plain = message.get_body(preferencelist=("plain",))
    rich = message.get_body(preferencelist=("html",))
    text = plain.get_content() if plain else ""
    markup = rich.get_content() if rich else ""
    parsed = Links()
    parsed.feed(markup)
    in_text = re.findall(r"https?://[^\s<>\"]+", text)
    return {
        "subject": message.get("subject", ""),
        "headers": [[name, str(value)] for name, value in message.items()],
        "parts": [part.get_content_type() for part in message.walk()],
        "text": text,
        "html": markup,
        "links": list(dict.fromkeys([*in_text, *parsed.links])),
        "loaded": parsed.loaded,
        "raw": raw.decode("latin-1"),
    }


class Fault:
    """What goes wrong at a stage, and how often still (`None` for as long as it stands)."""

    def __init__(self, stage, code=None, drop=False, hang=False, delay=None, times=None, to=None):
        self.stage, self.code, self.drop, self.hang = stage, code, drop, hang
        self.delay, self.times, self.to = delay, times, to

    def strikes(self, stage, recipient=None):
        """Whether it happens now; counts it if so."""
        if self.stage != stage or self.times == 0:
            return False
        if self.to is not None and recipient is not None and self.to != recipient:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Inbox:
    """The messages, the faults, and what happened."""

    def __init__(self, folder, name):
        self.messages, self.faults, self.counts = [], [], {}
        self.servers, self.ports, self.open = [], {}, set()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name, "127.0.0.1").configure_cert(self.tls)

    def count(self, what):
        """Counts something that happened."""
        self.counts[what] = self.counts.get(what, 0) + 1

    async def struck(self, server, stage, recipient=None):
        """Does what a fault says at this stage; the answer to give instead of the usual one."""
        for fault in self.faults:
            if not fault.strikes(stage, recipient):
                continue
            self.count(f"fault_{stage}")
            if fault.delay is not None:
                await asyncio.sleep(fault.delay / 1000)
            if fault.hang:
                await asyncio.Event().wait()
            if fault.drop:
                server.transport.abort()
                await asyncio.Event().wait()
            if fault.code is not None:
                return f"{fault.code} As the test said"
        return None

    async def handle_EHLO(self, server, session, _envelope, hostname, responses):
        session.host_name = hostname
        answer = await self.struck(server, "hello")
        return [answer] if answer else responses

    async def handle_MAIL(self, server, _session, envelope, address, options):
        self.count("asked")
        answer = await self.struck(server, "sender")
        if answer is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 OK"

    async def handle_RCPT(self, server, _session, envelope, address, _options):
        answer = await self.struck(server, "recipient", address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = await self.struck(server, "message")
        if answer is None:
            self.messages.append({
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "port": server.port,
                "encrypted": session.ssl is not None or server.port == "tls",
                "authenticated": bool(session.authenticated),
                **read(envelope.original_content),
            })
            answer = await self.struck(server, "answer")
        return answer or "250 Kept"

    def authenticate(self, _server, _session, _envelope, mechanism, data):
        """Knows one user."""
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        self.count("authenticated" if known else "rejected")
        return AuthResult(success=known, handled=False, auth_data=mechanism)

    def talk(self, port):
        """A conversation on one of the ports."""
        settings = {"hostname": "mail.test", "authenticator": self.authenticate}
        if port == "starttls":
            settings |= {"tls_context": self.tls, "require_starttls": True, "auth_required": True}
        elif port == "tls":
            settings |= {"auth_require_tls": False, "auth_required": True}
        return Talk(self, port, **settings)

    async def do_up(self):
        """Listens, on the ports of the first time if there was one."""
        loop = asyncio.get_running_loop()
        for port in ("starttls", "tls", "plain"):
            server = await loop.create_server(
                lambda port=port: self.talk(port),
                "127.0.0.1",
                self.ports.get(port, 0),
                ssl=self.tls if port == "tls" else None,
            )
            self.servers.append(server)
            self.ports[port] = server.sockets[0].getsockname()[1]
        return self.ports

    async def do_down(self):
        """Stops to listen, and breaks off every conversation."""
        for server in self.servers:
            server.close()
        self.servers = []
        for talk in list(self.open):
            talk.transport.abort()

    async def do_messages(self, since=0):
        """What was kept."""
        return self.messages[since:]

    async def do_counts(self):
        """How often each thing happened."""
        return self.counts

    async def do_fault(self, **fault):
        """Something shall go wrong from now on."""
        self.faults.append(Fault(**fault))

    async def do_well(self):
        """Nothing goes wrong any more, except for who hangs already."""
        self.faults = []


class Talk(SMTP):
    """One conversation, which may go wrong before it begins."""

    def __init__(self, inbox, port, **settings):
        super().__init__(inbox, **settings)
        self.inbox, self.port = inbox, port

    def connection_made(self, transport):
        if self.transport is None:
            self.inbox.count("connected")
            self.inbox.open.add(self)
        super().connection_made(transport)

    def connection_lost(self, error):
        self.inbox.open.discard(self)
        super().connection_lost(error)

    async def _handle_client(self):
        # TLS that begins later starts the conversation anew, without a greeting.
        greets = self._tls_protocol is None
        answer = await self.inbox.struck(self, "greeting") if greets else None
        if answer:
            await self.push(answer)
            self.transport.close()
            return
        await super()._handle_client()


async def main():
    """Serves."""
    # Its opinion of what a test asks of it is not of interest.
    logging.disable()
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    inbox = Inbox(folder, sys.argv[2] if len(sys.argv) > 2 else "localhost")
    ports = await inbox.do_up()
    say({"ca": str(folder / "ca.pem"), "user": USER, "password": PASSWORD, **ports})
    await obey(inbox)


if __name__ == "__main__":
    asyncio.run(main())
