// Calls a tool through an MCP TypeScript SDK as it comes, and again where that is asked for; says
// what came of it as held.py does.
//
//   run held_mcp.mjs --sdk v1 --url http://127.0.0.1:8080/mcp/fixture --key KEY \
//       --tool add_numbers --arguments '{"a": 1, "b": 2}'
//   run held_mcp.mjs --sdk v2 --era 2026-07-28 ...

import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import * as v2 from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const text = (short = '') => ({ type: 'string', default: short });
const { values: options } = parseArgs({
    options: {
        sdk: text('v2'),
        era: text('2026-07-28'),
        url: text(),
        key: text(),
        tool: text(),
        arguments: text('{}'),
        elicits: { type: 'boolean', default: false },
        times: text('100'),
        pause: text('0.5'),
        waiting: text(String.raw`approv.*\b(again|repeat)|\b(again|repeat).*approv`),
    },
});
const INFO = { name: 'countersign-test-held', version: '1.0.0' };
const CAPABILITIES = options.elicits ? { elicitation: {} } : {};

/** Somebody who goes along with whatever the server asks, and says on stderr what that was. */
function accept({ params }) {
    console.error(`asked: ${params.message}`);
    return { action: 'accept', content: {} };
}

/** A client of either SDK, with its own ideas of how long to wait. */
async function connect() {
    const headers = { Authorization: `Bearer ${options.key}` };
    const settings = [new URL(options.url), { requestInit: { headers } }];
    if (options.sdk === 'v1') {
        const client = new Client(INFO, { capabilities: CAPABILITIES });
        if (options.elicits) client.setRequestHandler(ElicitRequestSchema, accept);
        await client.connect(new StreamableHTTPClientTransport(...settings));
        return client;
    }
    const mode = options.era === '2026-07-28' ? 'auto' : 'legacy';
    const client = new v2.Client(INFO, {
        capabilities: CAPABILITIES,
        versionNegotiation: { mode },
    });
    if (options.elicits) client.setRequestHandler('elicitation/create', accept);
    await client.connect(new v2.StreamableHTTPClientTransport(...settings));
    return client;
}

/** Calls once; what came of it. */
async function attempt(client) {
    const began = performance.now();
    const seconds = () => (performance.now() - began) / 1000;
    try {
        const asked = { name: options.tool, arguments: JSON.parse(options.arguments) };
        const result = await client.callTool(asked);
        const blocks = result.content.filter(({ type }) => type === 'text');
        const fault = { kind: 'isError', status: null, body: result.structuredContent ?? null };
        const said = blocks.map(block => block.text).join('\n');
        return { seconds: seconds(), error: result.isError ? fault : null, text: said };
    } catch (error) {
        const { code = null, data = null, status = null } = error;
        const fault = { kind: error.constructor.name, status, body: { code, data } };
        return { seconds: seconds(), error: fault, text: error.message };
    }
}

const client = await connect();
const waits = new RegExp(options.waiting, 'is');
const told = ({ error, text: said }) => error !== null && waits.test(said);
const attempts = [await attempt(client)];
while (told(attempts.at(-1)) && attempts.length < Number(options.times)) {
    await pause(Number(options.pause) * 1000);
    attempts.push(await attempt(client));
}
const last = attempts.at(-1);
const outcome = told(last) ? 'waiting' : last.error ? 'failed' : 'answered';
console.log(JSON.stringify({ outcome, text: last.text, attempts }));
await client.close();
process.exit(0);
