// Drives an MCP endpoint with the TypeScript SDK of the v2 line, in either era.
//
//   run mcp_v2.mjs --url http://127.0.0.1:8080/mcp/fixture --key KEY --era 2026-07-28
//   run mcp_v2.mjs --url http://127.0.0.1:8080/mcp --key KEY --era 2025-11-25 --prefix fixture__

import assert from 'node:assert/strict';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

import { answers, main, unauthorized } from './mcp_steps.mjs';

const MODERN = '2026-07-28';
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

/**
 * A connected peer, as mcp_steps.mjs wants it. A modern client negotiates: it is not told which era
 * to expect.
 */
async function connect({ url, key, era, declared = { elicitation: {}, sampling: {}, roots: {} } }) {
    const modern = era === MODERN;
    const client = new Client(
        { name: 'countersign-test-v2', version: '1.0.0' },
        { capabilities: declared, versionNegotiation: { mode: modern ? 'auto' : 'legacy' } },
    );
    const heard = [];
    if (declared.elicitation)
        client.setRequestHandler('elicitation/create', ({ params }) => answers.elicit(params));
    if (declared.sampling)
        client.setRequestHandler('sampling/createMessage', ({ params }) => answers.sample(params));
    if (declared.roots) client.setRequestHandler('roots/list', () => answers.roots());
    client.fallbackNotificationHandler = async notification => void heard.push(notification);

    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    await client.connect(
        new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
    );
    return {
        client,
        heard,
        negotiated: client.getNegotiatedProtocolVersion(),
        callTool: (params, options) => client.callTool(params, options),
        logLevel: async level => {
            if (modern) return { [LOG_LEVEL]: level };
            await client.setLoggingLevel(level);
        },
        subscribe: async () => {
            const subscription = modern
                ? await client.listen({ toolsListChanged: true })
                : undefined;
            return async () => subscription?.close();
        },
        close: () => client.close(),
    };
}

await main(connect, {
    async capabilities({ again, wanted, tool }) {
        const mute = await again({ era: wanted, declared: {} });
        const name = tool('test_missing_capability');
        const result = await mute
            .callTool({ name })
            .catch(error => ({ isError: true, code: error.code }));
        assert.equal(result.isError, true, 'a client without sampling was asked to sample');
        if (wanted === MODERN) assert.equal(result.code, -32021);
        await mute.close();
    },

    async strangers({ again, wanted, key }) {
        if (key === '') return 'skipped: no key was given';
        await unauthorized(again({ key: 'not-a-key', era: wanted }));
    },
});
