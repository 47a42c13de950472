// What an MCP client must be able to do against the fixture, directly or through a gateway: one
// function for each thing, written once for both TypeScript SDKs. Not a script: mcp_v1.mjs and
// mcp_v2.mjs run it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { PIXEL, SCHEMA_2020_12 } from './fixture/answers.mjs';

/** How long a step waits for something to happen, in milliseconds. */
const PATIENCE = 10_000;

/** How the scripted person and their model answer the server's questions. */
export const answers = {
    elicit({ message, requestedSchema }) {
        if (message.includes('decline')) return { action: 'decline' };
        const values = {
            response: 'as asked',
            context: 'as asked',
            name: 'Ada',
            color: 'blue',
            ok: true,
        };
        const names = Object.keys(requestedSchema.properties).filter(name => name in values);
        return {
            action: 'accept',
            content: Object.fromEntries(names.map(name => [name, values[name]])),
        };
    },
    sample({ messages }) {
        const asked = [messages[0].content].flat()[0].text;
        return {
            role: 'assistant',
            model: 'scripted',
            content: { type: 'text', text: `re: ${asked}` },
        };
    },
    roots: () => ({ roots: [{ uri: 'file:///project', name: 'project' }] }),
};

/** Waits until `holds()` is true, or fails with this description. */
async function eventually(description, holds) {
    const until = Date.now() + PATIENCE;
    while (!(await holds())) {
        assert.ok(Date.now() < until, `waited ${PATIENCE} ms for: ${description}`);
        await pause(20);
    }
}

const sorted = values => [...values].sort();
const textOf = result => result.content[0].text;

/**
 * The steps, by name. Each gets the peer: a connected client as mcp_v1.mjs and mcp_v2.mjs wrap it.
 */
const steps = {
    async era({ negotiated, wanted }) {
        assert.equal(negotiated, wanted);
    },

    async tools({ client, tool }) {
        const { tools } = await client.listTools();
        const names = tools.map(({ name }) => name);
        assert.equal(new Set(names).size, names.length, 'a tool is listed twice');
        for (const name of [
            'test_simple_text',
            'add_numbers',
            'wait_for_cancel',
            'test_sampling',
        ]) {
            assert.ok(
                names.includes(tool(name)),
                `tool \`${tool(name)}\` is not among ${names.join(', ')}`,
            );
        }
        const find = name => tools.find(each => each.name === tool(name));
        assert.deepEqual(find('json_schema_2020_12_tool').inputSchema, SCHEMA_2020_12);
        assert.deepEqual(find('add_numbers').annotations, {
            readOnlyHint: true,
            idempotentHint: true,
            openWorldHint: false,
        });
    },

    async content({ call }) {
        assert.equal(
            textOf(await call('test_simple_text')),
            'This is a simple text response for testing.',
        );
        const mixed = await call('test_multiple_content_types');
        assert.deepEqual(
            mixed.content.map(block => block.type),
            ['text', 'image', 'resource'],
        );
        assert.equal(mixed.content[1].data, PIXEL);
        const sum = await call('add_numbers', { a: 2, b: 40.5 });
        assert.deepEqual(sum.structuredContent, { sum: 42.5 });
    },

    async parallel({ call }) {
        const sums = await Promise.all(
            Array.from({ length: 16 }, (_, a) => call('add_numbers', { a, b: 1000 })),
        );
        assert.deepEqual(
            sums.map(sum => sum.structuredContent.sum),
            Array.from({ length: 16 }, (_, a) => a + 1000),
        );
    },

    async errors({ call, client, tool }) {
        const failed = await call('test_error_handling');
        assert.equal(failed.isError, true);
        assert.equal(textOf(failed), 'This tool intentionally returns an error for testing');
        await refused(call('add_numbers', { a: 'two', b: 1 }), 'a wrong argument');
        await refused(call('no_such_tool'), 'an unknown tool');
        await refused(client.getPrompt({ name: tool('no_such_prompt') }), 'an unknown prompt');
        await refused(
            client.readResource({ uri: 'test://no-such-resource' }),
            'an unknown resource',
        );
    },

    async progress({ call }) {
        const seen = [];
        await call(
            'test_tool_with_progress',
            {},
            { onprogress: ({ progress, total }) => seen.push([progress, total]) },
        );
        assert.deepEqual(seen, [
            [0, 100],
            [50, 100],
            [100, 100],
        ]);
    },

    async logs({ call, logLevel, heard }) {
        const meta = await logLevel('info');
        await call('test_tool_with_logging', {}, {}, meta);
        const lines = () => heard.filter(({ method }) => method === 'notifications/message');
        await eventually('three log lines', () => lines().length >= 3);
        assert.deepEqual(
            lines().map(({ params }) => params.data),
            ['Tool execution started', 'Tool processing data', 'Tool execution completed'],
        );
    },

    async resources({ client }) {
        const { resources } = await client.listResources();
        const uri = end => resources.find(each => each.uri.endsWith(end))?.uri;
        assert.ok(
            uri('static-text'),
            `no static-text among ${resources.map(each => each.uri).join(', ')}`,
        );
        const read = await client.readResource({ uri: uri('static-text') });
        assert.equal(read.contents[0].text, 'This is the content of the static text resource.');
        assert.equal(
            (await client.readResource({ uri: uri('static-binary') })).contents[0].blob,
            PIXEL,
        );
        const { resourceTemplates } = await client.listResourceTemplates();
        const filled = resourceTemplates[0].uriTemplate.replace('{id}', '123');
        assert.equal(
            JSON.parse((await client.readResource({ uri: filled })).contents[0].text).id,
            '123',
        );
    },

    async prompts({ client, tool }) {
        const { prompts } = await client.listPrompts();
        const name = tool('test_prompt_with_arguments');
        assert.ok(
            prompts.some(each => each.name === name),
            `prompt \`${name}\` is not listed`,
        );
        const got = await client.getPrompt({ name, arguments: { arg1: 'x', arg2: 'y' } });
        assert.equal(got.messages[0].content.text, "Prompt with arguments: arg1='x', arg2='y'");
        const completed = await client.complete({
            ref: { type: 'ref/prompt', name },
            argument: { name: 'arg1', value: 'par' },
        });
        assert.deepEqual(completed.completion.values, ['paris', 'park', 'party']);
    },

    async elicitation({ call }) {
        const accepted = await call('test_elicitation', { message: 'please accept' });
        assert.equal(
            textOf(accepted),
            'User response: action=accept, content={"response":"as asked"}',
        );
        const declined = await call('test_elicitation', { message: 'please decline' });
        assert.equal(textOf(declined), 'User response: action=decline, content={}');
    },

    async sampling({ call }) {
        assert.equal(
            textOf(await call('test_sampling', { prompt: 'who?' })),
            'LLM response: re: who?',
        );
    },

    async roots({ call }) {
        assert.equal(
            textOf(await call('test_input_required_result_list_roots')),
            'roots: file:///project',
        );
    },

    async rounds({ call, client, tool }) {
        assert.equal(
            textOf(await call('test_input_required_result_multi_round')),
            'Ada likes blue',
        );
        assert.equal(textOf(await call('test_input_required_result_request_state')), 'state-ok');
        const three = await call('test_input_required_result_multiple_inputs');
        assert.equal(textOf(three), 'elicit, sampling, roots');
        const prompt = await client.getPrompt({ name: tool('test_input_required_result_prompt') });
        assert.equal(prompt.messages[0].content.text, 'Use this context: as asked');
    },

    async cancellation({ call }) {
        const key = randomUUID();
        const stop = new AbortController();
        const waiting = call(
            'wait_for_cancel',
            { key },
            { signal: stop.signal, onprogress: () => stop.abort() },
        );
        await assert.rejects(waiting, 'a cancelled call was answered');
        await eventually('the server to be told of the cancellation', async () => {
            return textOf(await call('was_cancelled', { key })) === 'true';
        });
        assert.equal(
            textOf(await call('test_simple_text')),
            'This is a simple text response for testing.',
        );
    },

    async headers({ call }) {
        for (const region of ['eu-west', 'Zürich, ⛰']) {
            assert.equal(textOf(await call('test_x_mcp_header', { region })), `region: ${region}`);
        }
    },

    async changes({ call, subscribe, heard }) {
        const stop = await subscribe();
        await call('test_trigger_tool_change');
        const changes = () =>
            heard.filter(({ method }) => method === 'notifications/tools/list_changed');
        await eventually('notifications/tools/list_changed', () => changes().length > 0);
        await stop();
    },
};

/** Passes when the promise is rejected or its result says that it is an error. */
async function refused(promise, what) {
    const result = await promise.catch(() => ({ isError: true }));
    assert.equal(result.isError, true, `${what} was accepted`);
}

/** Fails unless the promise is rejected because of HTTP status 401. */
export async function unauthorized(promise) {
    await assert.rejects(promise, error => [error.code, error.status].includes(401));
}

/**
 * Runs one step and prints a line about it; answers whether it passed. A step that cannot be tried
 * returns why.
 */
async function pass(name, step, peer) {
    try {
        const skipped = await step(peer);
        console.log(skipped ? `${name} ${skipped}` : `ok ${name}`);
        return true;
    } catch (error) {
        console.log(`FAILED ${name}: ${error.message}`);
        return false;
    }
}

/**
 * Runs the steps and ends the process: 0 when all have passed, 1 otherwise.
 *
 * `connect({ url, key, era })` gives a peer; `more` are steps of one SDK alone.
 */
export async function main(connect, more = {}) {
    const { values } = parseArgs({
        options: {
            url: { type: 'string' },
            key: { type: 'string', default: '' },
            era: { type: 'string', default: '2025-11-25' },
            prefix: { type: 'string', default: '' },
            skip: { type: 'string', default: '' },
        },
    });
    const { url, key, era, prefix } = values;
    if (!url) {
        console.error(
            'expected --url URL [--key KEY] [--era ERA] [--prefix SERVER__] [--skip STEP,STEP]',
        );
        process.exit(64);
    }
    const skipped = values.skip.split(',').filter(Boolean);
    const unknown = skipped.filter(name => !(name in steps) && !(name in more));
    assert.deepEqual(sorted(unknown), [], 'no such step to skip');

    const peer = await connect({ url, key, era });
    peer.wanted = era;
    peer.key = key;
    peer.again = changed => connect({ url, key, era, ...changed });
    peer.tool = name => prefix + name;
    peer.call = (name, args = {}, options = {}, _meta = undefined) =>
        peer.callTool({ name: peer.tool(name), arguments: args, ...(_meta && { _meta }) }, options);
    let failures = 0;
    for (const [name, step] of Object.entries({ ...steps, ...more })) {
        if (!skipped.includes(name) && !(await pass(name, step, peer))) failures += 1;
    }
    await peer.close();
    console.log(failures === 0 ? 'all steps passed' : `${failures} steps failed`);
    process.exit(failures === 0 ? 0 : 1);
}
