// Checks the stdio fixture with the TypeScript SDK of the v2 line, in both eras, with no gateway
// between.
//
//   run mcp_stdio.mjs

import assert from 'node:assert/strict';

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { answers } from './mcp_steps.mjs';

const fixture = new URL('fixture/stdio.mjs', import.meta.url).pathname;

/** A client whose server is a process of its own. */
async function connect(mode, env = {}) {
    const client = new Client(
        { name: 'countersign-test-stdio', version: '1.0.0' },
        { capabilities: { elicitation: {}, sampling: {} }, versionNegotiation: { mode } },
    );
    client.setRequestHandler('elicitation/create', ({ params }) => answers.elicit(params));
    client.setRequestHandler('sampling/createMessage', ({ params }) => answers.sample(params));
    const server = { command: process.execPath, args: [fixture], env, stderr: 'ignore' };
    await client.connect(new StdioClientTransport(server));
    return client;
}

for (const mode of ['legacy', { pin: '2026-07-28' }]) {
    const client = await connect(mode);
    const call = async (name, args = {}, options = {}) =>
        (await client.callTool({ name, arguments: args }, options)).content[0].text;

    assert.equal(await call('echo', { message: 'ünï\ncödé' }), 'ünï\ncödé');
    const seen = [];
    await call('report', {}, { onprogress: ({ progress }) => seen.push(progress) });
    assert.deepEqual(seen, [1, 2, 3]);
    assert.equal(await call('ask_person'), 'accept: Ada');
    assert.equal(await call('ask_model'), 're: Say something.');
    assert.equal(await call('garbage'), 'wrote garbage');
    const stop = new AbortController();
    const hung = call('hang', {}, { signal: stop.signal });
    stop.abort();
    await assert.rejects(hung);
    await assert.rejects(call('crash'), /closed/);
    await client.close();

    const doomed = await connect(mode, { CRASH_AFTER: '1' });
    await doomed.callTool({ name: 'process_id' });
    await assert.rejects(doomed.callTool({ name: 'process_id' }), /closed/);
    await doomed.close();
    console.log(`ok ${JSON.stringify(mode)}`);
}
