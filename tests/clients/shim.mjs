// A reverse proxy that adds `Authorization: Bearer KEY` and changes nothing else, for clients that
// cannot send a header of their own. It holds nothing back: bytes, statuses and broken connections
// pass in both directions as they come.
//
//   run shim.mjs http://127.0.0.1:8080 KEY       prints `listening on http://127.0.0.1:PORT`

import { Agent, createServer, request } from 'node:http';

const [target, key] = process.argv.slice(2);
if (!target || !key) {
    console.error('shim: expected two arguments: the origin to forward to and the key');
    process.exit(64);
}

const { hostname, port } = new URL(target);
const agent = new Agent({ keepAlive: true });

/**
 * Forwards one request and its answer. Header names, order and the Host and Origin of the client
 * stay as they are.
 */
function forward(asked, answer) {
    const keyed = 'authorization' in asked.headers ? [] : ['Authorization', `Bearer ${key}`];
    const onward = request({
        agent,
        hostname,
        port,
        method: asked.method,
        path: asked.url,
        setHost: false,
        headers: [...asked.rawHeaders, ...keyed],
    });
    onward.on('response', received => {
        answer.sendDate = false;
        answer.writeHead(received.statusCode, received.statusMessage, received.rawHeaders);
        answer.flushHeaders();
        received.on('error', () => answer.destroy());
        received.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.on('error', () => onward.destroy());
    asked.pipe(onward);
}

// Streams stay open for as long as both ends want: no timeout of the shim's own ends them.
const server = createServer({ requestTimeout: 0, headersTimeout: 0, noDelay: true }, forward);
server.listen(0, '127.0.0.1', () =>
    console.log(`listening on http://127.0.0.1:${server.address().port}`),
);
