"""Runs the steps of a client script and says which have failed. Not a script itself."""

import hashlib
import inspect
import json

import httpx2


def equal(found, wanted):
    """Fails with both values unless they are equal."""
    assert found == wanted, f"expected {wanted!r}, found {found!r}"


def raises(kinds, act):
    """The error of one of these kinds that `act()` raises; fails if it raises none."""
    try:
        result = act()
    except kinds as error:
        return error
    raise AssertionError(f"expected {kinds}, but it was accepted: {result!r}")


def options_of(parser):
    """Adds what all client scripts take and parses the command line."""
    parser.add_argument("--url", required=True, help="where to connect to")
    parser.add_argument("--key", default="", help="the agent's key")
    parser.add_argument(
        "--skip", default="", help="names of steps to leave out, separated by commas"
    )
    return parser.parse_args()


def same_bytes(options, path, headers, request):
    """Fails unless a call and its answer pass between here and --provider byte for byte.

    The body is written as no client library would write it, so that one who parses it and writes it
    again is found out. No header with the agent's key in it may reach the provider.
    """
    body = f"\n{json.dumps(request, indent=3)} ".encode()
    headers = {**headers, "content-type": "application/json"}
    answer = httpx2.post(options.url + path, headers=headers, content=body, timeout=30)
    equal(answer.status_code, 200)
    arrived = hashlib.sha256(body).hexdigest()
    seen = httpx2.get(f"{options.provider}/_seen").json()["requests"]
    notes = [note for note in seen if note["received_sha256"] == arrived]
    assert notes, "the body did not arrive as it was sent"
    equal(notes[-1]["path"], path)
    equal(hashlib.sha256(answer.content).hexdigest(), notes[-1]["sent_sha256"])
    if options.url != options.provider:
        values = [value for _, value in notes[-1]["headers"]]
        assert not any(options.key in value for value in values), "the agent's key was passed on"


async def run_steps(steps, skip):
    """Runs the methods `step_...` of this object in order, except those to skip.

    Answers 1 if any has failed, else 0. A step that cannot be tried here returns why.
    """
    names = [name.removeprefix("step_") for name in vars(type(steps)) if name.startswith("step_")]
    skipped = {name for name in skip.split(",") if name}
    assert skipped <= set(names), f"no such steps to skip: {sorted(skipped - set(names))}"
    failures = 0
    for name in names:
        if name in skipped:
            continue
        try:
            result = getattr(steps, f"step_{name}")()
            if inspect.isawaitable(result):
                result = await result
            print(f"{name} {result}" if result else f"ok {name}", flush=True)
        except (
            Exception
        ) as error:  # Any failure of a step is reported, and the next step still runs.
            failures += 1
            print(f"FAILED {name}: {error!r}", flush=True)
    print("all steps passed" if failures == 0 else f"{failures} steps failed")
    return 1 if failures else 0
