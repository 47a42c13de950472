// Drives an MCP endpoint with the TypeScript SDK of the v1 line, which knows only the legacy eras.
//
//   run mcp_v1.mjs --url http://127.0.0.1:8080/mcp/fixture --key KEY
//   run mcp_v1.mjs --url http://127.0.0.1:8080/mcp --key KEY --prefix fixture__

import assert from 'node:assert/strict';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
    CreateMessageRequestSchema,
    ElicitRequestSchema,
    ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

import { answers, main, unauthorized } from './mcp_steps.mjs';

/** A connected peer, as mcp_steps.mjs wants it. */
async function connect({ url, key }) {
    const client = new Client(
        { name: 'countersign-test-v1', version: '1.0.0' },
        { capabilities: { elicitation: {}, sampling: {}, roots: {} } },
    );
    const heard = [];
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => answers.elicit(params));
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => answers.sample(params));
    client.setRequestHandler(ListRootsRequestSchema, () => answers.roots());
    client.fallbackNotificationHandler = async notification => void heard.push(notification);

    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
    await client.connect(transport);
    return {
        client,
        heard,
        transport,
        negotiated: transport.protocolVersion,
        callTool: (params, options) => client.callTool(params, undefined, options),
        logLevel: async level => void (await client.setLoggingLevel(level)),
        // Legacy clients hear of changes on the stream that they opened when they connected.
        subscribe: async () => async () => {},
        close: () => client.close(),
    };
}

await main(connect, {
    async ping({ client }) {
        await client.ping();
    },

    async resumption({ call }) {
        const result = await call('test_reconnection', {}, { timeout: 10_000 });
        assert.equal(result.content[0].text, 'Reconnection test completed successfully');
    },

    async termination({ again }) {
        const other = await again();
        const { sessionId } = other.transport;
        assert.ok(sessionId, 'the session has no id');
        await other.transport.terminateSession();
        assert.equal(other.transport.sessionId, undefined);
        await other.close();
    },

    async strangers({ again, wanted, key }) {
        if (key === '') return 'skipped: no key was given';
        await unauthorized(again({ key: 'not-a-key', era: wanted }));
    },
});
