// How a test speaks with a server of this folder: lines of JSON. Not a script: as control.py.
//
// The first line that a server prints says where it listens. Then each line that it reads is a
// command, `{"do": NAME, ...}`, and gets one line in answer: `{"ok": ...}` or `{"error": TEXT}`.
// It ends with its standard input, so that none outlives its test.

import { createInterface } from 'node:readline';

/** Prints one line. */
export const say = message => console.log(JSON.stringify(message));

/** Obeys these functions until the standard input ends, and ends the process then. */
export async function obey(commands) {
    for await (const line of createInterface({ input: process.stdin })) {
        try {
            const { do: name, ...rest } = JSON.parse(line);
            say({ ok: (await commands[name](rest)) ?? null });
        } catch (error) {
            say({ error: String(error) });
        }
    }
    process.exit(0);
}
