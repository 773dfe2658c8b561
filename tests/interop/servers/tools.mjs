// SPDX-License-Identifier: MIT
// The tools of both servers. What the interop client checks is in client.cpp.

import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const text = (value) => ({ type: 'text', text: value });

/// Adds the tools to a server of either SDK. `progressOf` takes what the SDK hands to a tool beside
/// its arguments and gives the request's progress token, if any, and a function that notifies.
export function addTools(server, progressOf) {
    server.registerTool('echo', {
        description: 'Gives back the message',
        inputSchema: z.object({ message: z.string() }),
        annotations: { readOnlyHint: true },
    }, ({ message }) => ({ content: [text(message)] }));

    server.registerTool('add', {
        description: 'Adds two numbers',
        inputSchema: z.object({ a: z.number(), b: z.number() }),
        outputSchema: z.object({ sum: z.number() }),
    }, ({ a, b }) => ({ content: [text(`${a + b}`)], structuredContent: { sum: a + b } }));

    server.registerTool('count', {
        description: 'Counts, with a pause before and a progress notification after each step',
        inputSchema: z.object({ steps: z.number().int(), pause_ms: z.number() }),
    }, async ({ steps, pause_ms: pause }, extra) => {
        const { progressToken, notify } = progressOf(extra);
        for (let progress = 1; progress <= steps; ++progress) {
            await sleep(pause);
            if (progressToken !== undefined) {
                const params = { progressToken, progress, total: steps, message: `step ${progress}` };
                await notify({ method: 'notifications/progress', params });
            }
        }
        return { content: [text(`counted to ${steps}`)] };
    });

    server.registerTool('record', {
        description: 'Writes the key down, in the file RUNS, and answers after a pause',
        inputSchema: z.object({ key: z.string(), pause_ms: z.number() }),
    }, async ({ key, pause_ms: pause }) => {
        appendFileSync(process.env.RUNS, `${key}\n`);
        await sleep(pause);
        return { content: [text('written')] };
    });

    server.registerTool('gallery', {
        description: 'One content block of each kind',
    }, () => ({
        content: [
            text('a text'),
            { type: 'image', data: 'aW1hZ2U=', mimeType: 'image/png' },
            { type: 'audio', data: 'YXVkaW8=', mimeType: 'audio/wav' },
            {
                type: 'resource',
                resource: { uri: 'demo://text', mimeType: 'text/plain', text: 'a resource' },
            },
            { type: 'resource', resource: { uri: 'demo://blob', blob: 'YmxvYg==' } },
            { type: 'resource_link', uri: 'demo://link', name: 'link', mimeType: 'text/plain' },
        ],
        structuredContent: { kinds: 6 },
    }));

    server.registerTool('fail', {
        description: 'Always fails',
    }, () => {
        throw new Error('failed on purpose');
    });
}
