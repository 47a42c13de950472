// Calls a tool through an MCP TypeScript SDK that gets its own token: all it knows is the URL of the
// tool server, and who it is to whoever issues tokens for that.
//
//   run oauth_mcp.mjs --sdk v1 --url http://127.0.0.1:8080/mcp --tool read \
//       --client agent --secret SECRET
//   run oauth_mcp.mjs --sdk v2 ... --client cli --login ada --password PASSWORD
//
// With a login a person signs in at the issuer, by its pages. `--scope` says what an agent asks for
// from the start: the SDK v1 has no way to ask for more later, unless a person does. It says on standard output, as one
// line of JSON, what the tool said, and the scope of each token that it got.

import { parseArgs } from 'node:util';

import * as v2 from '@modelcontextprotocol/client';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const text = (short = '') => ({ type: 'string', default: short });
const { values: options } = parseArgs({
    options: {
        sdk: text('v2'),
        era: text('2026-07-28'),
        url: text(),
        tool: text(),
        client: text(),
        secret: text(),
        issuer: text(),
        scope: text(),
        login: text(),
        password: text(),
    },
});
const INFO = { name: 'countersign-test-oauth', version: '1.0.0' };
const BACK = 'http://127.0.0.1/back';
const v1 = { Client, StreamableHTTPClientTransport, ClientCredentialsProvider, UnauthorizedError };
const sdk = options.sdk === 'v1' ? v1 : v2;
const scopes = [];

/** Signs a person in as a browser would; where it would be sent in the end. */
async function signIn(url) {
    const cookies = new Map();
    let [next, form] = [new URL(url)];
    while (!next.href.startsWith(BACK)) {
        const response = await fetch(next, {
            redirect: 'manual',
            method: form ? 'POST' : 'GET',
            body: form,
            headers: { cookie: [...cookies].map(pair => pair.join('=')).join('; ') },
        });
        for (const set of response.headers.getSetCookie()) {
            const [name, value] = set.split(';', 1)[0].split('=', 2);
            cookies.set(name, value);
        }
        const to = response.headers.get('location');
        if (!to && form) throw new Error(`not signed in: ${await response.text()}`);
        form = to ? undefined : new URLSearchParams({
            login: options.login, password: options.password,
        });
        next = new URL(to ?? next, next);
    }
    if (!next.searchParams.has('code')) throw new Error(`no code: ${next.search}`);
    return next.searchParams;
}

/** What an SDK wants to know of an agent that a person uses. */
class Person {
    redirectUrl = BACK;
    clientMetadata = { client_name: 'test', redirect_uris: [BACK] };
    clientInformation = () => ({ client_id: options.client, issuer: options.issuer });
    tokens = () => this.kept;
    saveTokens = tokens => void (this.kept = tokens);
    saveCodeVerifier = verifier => void (this.verifier = verifier);
    codeVerifier = () => this.verifier;
    saveDiscoveryState = state => void (this.discovered = state);
    discoveryState = () => this.discovered;
    redirectToAuthorization = async url => void (this.sent = await signIn(url));
}

const credentials = {
    clientId: options.client,
    clientSecret: options.secret,
    expectedIssuer: options.issuer,
    scope: options.scope || undefined,
};
const provider = options.login ? new Person() : new sdk.ClientCredentialsProvider(credentials);
const keep = provider.saveTokens.bind(provider);
provider.saveTokens = tokens => {
    scopes.push(tokens.scope ?? '');
    return keep(tokens);
};

/** Does something, and again when a person has signed in for it. */
async function allowed(transport, what) {
    try {
        return await what();
    } catch (error) {
        if (!(error instanceof sdk.UnauthorizedError) || !provider.sent) throw error;
        const { sent } = provider;
        provider.sent = undefined;
        await transport().finishAuth(options.sdk === 'v1' ? sent.get('code') : sent);
        return what();
    }
}

let client, transport;
await allowed(
    () => transport,
    async () => {
        const versionNegotiation = { mode: options.era === '2026-07-28' ? 'auto' : 'legacy' };
        client = new sdk.Client(INFO, { capabilities: {}, versionNegotiation });
        const settings = { authProvider: provider };
        transport = new sdk.StreamableHTTPClientTransport(new URL(options.url), settings);
        await client.connect(transport);
    },
);
const call = () => client.callTool({ name: options.tool, arguments: {} });
const result = await allowed(() => transport, call);
console.log(JSON.stringify({ text: result.content[0].text, scopes }));
await client.close();
process.exit(0);
