// An OpenID provider, certified by the OpenID Foundation, with people who sign in by password.
//
//   run provider.mjs
//
// Clients: `countersign`, confidential, for sign-in of people (code with PKCE); `cli`, public;
// `agent`, for its own tokens (client_credentials); and whoever registers. Any client gets access
// tokens for any resource that it names (RFC 8707), as JWTs whose audience is that resource.

import { createServer } from 'node:http';

import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

import { obey, say } from './control.mjs';
import { error, form } from './provider_page.mjs';

const SECRET = 'the-secret-of-the-client-in-tests';
const PASSWORD = 'the-password-of-everybody';

/** People, by what they enter at sign-in. */
const people = new Map(
    [
        ['ada', 'Ada Lovelace', ['approvers', 'finance']],
        ['bob', 'Bob Bee', ['approvers']],
        ['cyd', 'Cyd Charisse', []],
        ['dan', 'Dan Dare', ['administrators']],
    ].map(([login, name, groups]) => [
        login,
        { sub: `sub-of-${login}`, email: `${login}@example.com`, email_verified: true, name, groups },
    ]),
);

/** Where clients may be sent back to; a test adds to it once it knows its ports. */
const redirects = new Set();
/** Requests that reached the provider, as `METHOD PATH`. */
const seen = [];
/** Answers that shall fail still: how often, by path. */
const failures = new Map();

function accountOf(sub) {
    const person = [...people.values()].find(each => each.sub === sub);
    return person && { accountId: sub, claims: () => ({ ...person }) };
}

async function keys() {
    const made = await Promise.all(
        ['RS256', 'ES256'].map(async alg => {
            const { privateKey } = await generateKeyPair(alg, { extractable: true });
            return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `provider-${alg}` };
        }),
    );
    return { keys: made };
}

/** Everybody consents to everything that is asked for. */
async function consented({ oidc }) {
    const { client, session, provider, params, result } = oidc;
    const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
    const grant =
        (known && (await provider.Grant.find(known))) ||
        new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(params.scope ?? 'openid');
    for (const resource of [params.resource ?? []].flat()) {
        grant.addResourceScope(resource, params.scope ?? '');
    }
    await grant.save();
    return grant;
}

const client = (client_id, more) => ({ client_id, redirect_uris: [], response_types: [], ...more });
const code = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };
// What is checked is `redirects`.
const anywhere = { redirect_uris: ['http://127.0.0.1/replaced'] };

/** How the provider is set up. */
async function configuration() {
    return {
        jwks: await keys(),
        cookies: { keys: ['the-key-of-cookies-in-tests'] },
        scopes: ['openid', 'profile', 'email', 'groups', 'offline_access', 'tools:read', 'tools:call'],
        claims: {
            openid: ['sub'],
            email: ['email', 'email_verified'],
            profile: ['name'],
            groups: ['groups'],
        },
        conformIdTokenClaims: false,
        pkce: { required: () => true },
        clients: [
            client('countersign', { client_secret: SECRET, ...code, ...anywhere }),
            client('cli', { token_endpoint_auth_method: 'none', ...code, ...anywhere }),
            client('agent', { client_secret: SECRET, grant_types: ['client_credentials'] }),
        ],
        findAccount: (_ctx, sub) => accountOf(sub),
        loadExistingGrant: consented,
        extraTokenClaims: (_ctx, token) =>
            token.kind === 'ClientCredentials' ? { sub: token.clientId } : undefined,
        features: {
            devInteractions: { enabled: false },
            clientCredentials: { enabled: true },
            registration: { enabled: true },
            revocation: { enabled: true },
            resourceIndicators: {
                enabled: true,
                defaultResource: () => undefined,
                useGrantedResource: () => true,
                getResourceServerInfo: (_ctx, resource) => ({
                    scope: 'tools:read tools:call',
                    audience: resource,
                    accessTokenFormat: 'jwt',
                    accessTokenTTL: 300,
                    jwt: { sign: { alg: 'ES256' } },
                }),
            },
        },
        interactions: { url: (_ctx, interaction) => `/sign-in/${interaction.uid}` },
        renderError: (ctx, out) => {
            ctx.type = 'html';
            ctx.body = error(out);
        },
        ttl: { AccessToken: 300, IdToken: 300, Session: 3600, Interaction: 600, Grant: 3600 },
    };
}

/** The page where one signs in: shown, or answered. */
async function signIn(provider, request, response) {
    const { prompt } = await provider.interactionDetails(request, response);
    let wrong = false;
    if (request.method === 'POST') {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const entered = new URLSearchParams(Buffer.concat(chunks).toString());
        const person = people.get(entered.get('login'));
        if (prompt.name === 'login' && person && entered.get('password') === PASSWORD) {
            const result = { login: { accountId: person.sub, acr: 'password', amr: ['pwd'] } };
            await provider.interactionFinished(request, response, result);
            return;
        }
        wrong = true;
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(form(wrong));
}

// It says on standard output what it thinks of being used for tests.
console.info = () => {};
console.warn = () => {};
const server = createServer();
await new Promise(listening => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, await configuration());
provider.Client.prototype.redirectUriAllowed = function allowed(uri) {
    return redirects.has(uri) || this.redirectUris.includes(uri);
};
provider.Client.prototype.postLogoutRedirectUriAllowed = uri => redirects.has(uri);
const answer = provider.callback();

server.on('request', (request, response) => {
    const { pathname } = new URL(request.url, issuer);
    seen.push(`${request.method} ${pathname}`);
    const left = failures.get(pathname) ?? 0;
    if (left > 0) {
        failures.set(pathname, left - 1);
        response.writeHead(503).end();
    } else if (pathname.startsWith('/sign-in/')) {
        signIn(provider, request, response).catch(problem => {
            response.writeHead(400, { 'content-type': 'text/html; charset=utf-8' });
            response.end(error({ error: String(problem) }));
        });
    } else {
        answer(request, response);
    }
});

say({ issuer, client: 'countersign', secret: SECRET, password: PASSWORD });
await obey({
    /** Clients may be sent back to here as well. */
    redirect: ({ uri }) => void redirects.add(uri),
    /** There is a person, or one becomes another: `{login, sub, email, name, groups, …}`. */
    person: ({ login, ...claims }) =>
        void people.set(login, { sub: `sub-of-${login}`, ...people.get(login), ...claims }),
    /** A person is there no more. */
    dismiss: ({ login }) => void people.delete(login),
    /** The next so many requests for this path fail. */
    fail: ({ path, times }) => void failures.set(path, times),
    /** What was asked so far. */
    seen: () => seen,
});
