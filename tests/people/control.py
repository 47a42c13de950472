"""How a test speaks with a server of this folder: lines of JSON.

The first line that a server prints says where it listens. Then each line that it reads is a
command, `{"do": NAME, ...}`, and gets one line in answer: `{"ok": ...}` or `{"error": TEXT}`.
It ends with its standard input, so that none outlives its test.
"""

import asyncio
import json
import sys


def say(message):
    """Prints one line."""
    print(json.dumps(message), flush=True)


async def obey(commands):
    """Obeys the methods `do_...` of this object until the standard input ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            command = json.loads(line)
            result = await getattr(commands, f"do_{command.pop('do')}")(**command)
            say({"ok": result})
        except Exception as error:  # Whatever was wrong with it, the test must hear of it.
            say({"error": repr(error)})
