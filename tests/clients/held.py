"""Makes one call as a model's program would, and again for as long as it is told to. Not a script.

A gateway may answer that a call waits for somebody's approval, and that the identical call is to be
repeated. A model reads that, and does it; so does `insist`. What came of it is printed as JSON:

    {"outcome": "answered" | "failed" | "waiting", "text": ..., "attempts": [...]}

`waiting` means that it was still told to repeat after the last attempt. Each attempt says how many
seconds it took, the error if any, and its text.
"""

import argparse
import asyncio
import json
import re
import time

# What a model takes for a request to call again later.
WAITING = r"approv.*\b(again|repeat)|\b(again|repeat).*approv"


def parser_of(description):
    """What all scripts take."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True, help="where to connect to")
    parser.add_argument("--key", required=True, help="the agent's key")
    parser.add_argument("--times", type=int, default=100, help="how often to call at most")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two calls")
    parser.add_argument("--waiting", default=WAITING, help="what says that it waits, as a regex")
    return parser


def error_of(error):
    """An exception of an SDK, as JSON."""
    body = getattr(error, "body", None)
    told = getattr(error, "error", None)
    if body is None and told is not None:
        body = {"code": getattr(told, "code", None), "data": getattr(told, "data", None)}
    status = getattr(error, "status_code", None)
    return {"kind": type(error).__name__, "status": status, "body": body}


async def insist(options, call):
    """Awaits `call()`, which gives `(text, fault)`, until it does not say that it waits."""
    attempts = []
    waits = True
    while waits and len(attempts) < options.times:
        if attempts:
            await asyncio.sleep(options.pause)
        began = time.monotonic()
        try:
            text, fault = await call()
        except Exception as error:  # Whatever it raises is what the model's program has to go by.
            text, fault = str(error), error_of(error)
        attempts.append({"seconds": time.monotonic() - began, "error": fault, "text": text})
        asked = re.search(options.waiting, text, re.DOTALL | re.IGNORECASE)
        waits = fault is not None and asked is not None
    answered = attempts[-1]["error"] is None
    outcome = "waiting" if waits else "answered" if answered else "failed"
    report = {"outcome": outcome, "text": attempts[-1]["text"], "attempts": attempts}
    print(json.dumps(report, default=str), flush=True)
