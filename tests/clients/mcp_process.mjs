// Drives the stdio fixture through the gateway, which is the Streamable HTTP server in front of it,
// with the TypeScript SDK of the v2 line in both eras.
//
//   run mcp_process.mjs --url http://127.0.0.1:8080/mcp/stdio --key KEY [--prefix stdio__]

import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

import { answers } from './mcp_steps.mjs';

const { values: options } = parseArgs({
    options: {
        url: { type: 'string' },
        key: { type: 'string' },
        prefix: { type: 'string', default: '' },
    },
});

/** A connected client. */
async function connect(mode) {
    const client = new Client(
        { name: 'countersign-test-process', version: '1.0.0' },
        { capabilities: { elicitation: {}, sampling: {} }, versionNegotiation: { mode } },
    );
    client.setRequestHandler('elicitation/create', ({ params }) => answers.elicit(params));
    client.setRequestHandler('sampling/createMessage', ({ params }) => answers.sample(params));
    const headers = { authorization: `Bearer ${options.key}` };
    const transport = new StreamableHTTPClientTransport(new URL(options.url), {
        requestInit: { headers },
    });
    await client.connect(transport);
    return client;
}

/** Calls a tool; gives the text of its answer. */
async function call(client, name, args = {}, more = {}) {
    const asked = { name: options.prefix + name, arguments: args };
    return (await client.callTool(asked, more)).content[0].text;
}

/** What every process can do. */
async function everything(client) {
    const { tools } = await client.listTools();
    assert.ok(tools.some(({ name }) => name === `${options.prefix}echo`));
    assert.equal(await call(client, 'echo', { message: 'ünï\ncödé' }), 'ünï\ncödé');
    const seen = [];
    await call(client, 'report', {}, { onprogress: ({ progress }) => seen.push(progress) });
    assert.deepEqual(seen, [1, 2, 3]);
    assert.equal(await call(client, 'ask_person'), 'accept: Ada');
    assert.equal(await call(client, 'ask_model'), 're: Say something.');
    assert.equal(await call(client, 'garbage'), 'wrote garbage');
    const names = (await call(client, 'environment')).split('\n');
    assert.ok(names.includes('PATH'));
    assert.ok(!names.some(name => /KEY|TOKEN|SECRET/.test(name)), `a secret among ${names}`);
}

for (const mode of ['legacy', { pin: '2026-07-28' }]) {
    const client = await connect(mode);
    await everything(client);
    const other = await connect(mode);
    const both = await Promise.all(
        [client, other].flatMap(one =>
            Array.from({ length: 20 }, (_, n) => call(one, 'echo', { message: `${n}` })),
        ),
    );
    assert.deepEqual(both, [...Array(40).keys()].map(n => `${n % 20}`));
    const stop = new AbortController();
    const hung = call(client, 'hang', {}, { signal: stop.signal });
    setTimeout(() => stop.abort(), 200);
    await assert.rejects(hung);
    assert.equal(await call(client, 'echo', { message: 'after' }), 'after');
    const before = await call(client, 'process_id');
    await assert.rejects(call(client, 'crash'), /process/);
    const next = await connect(mode);
    assert.notEqual(await call(next, 'process_id'), before);
    console.log(`ok ${JSON.stringify(mode)}`);
}
process.exit(0);
