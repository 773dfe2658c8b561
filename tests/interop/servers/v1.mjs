// SPDX-License-Identifier: MIT
// A legacy server built with the v1 SDK: Streamable HTTP with sessions, on 127.0.0.1:PORT, answers
// as SSE or, with argument `json`, as plain JSON.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { addTools } from './tools.mjs';

const enableJsonResponse = process.argv[2] === 'json';
const sessions = new Map();

async function openSession() {
    const server = new McpServer({ name: 'interop-v1', version: '1.0.0' });
    addTools(server, ({ _meta, sendNotification }) => (
        { progressToken: _meta?.progressToken, notify: sendNotification }));
    const transport = new StreamableHTTPServerTransport({
        enableJsonResponse,
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
        onsessionclosed: (id) => sessions.delete(id),
    });
    await server.connect(transport);
    return transport;
}

createServer(async (request, response) => {
    const id = request.headers['mcp-session-id'];
    const transport = id === undefined ? await openSession() : sessions.get(id);
    if (transport) {
        await transport.handleRequest(request, response);
    } else {
        // As the SDK's transport says it.
        const error = { code: -32001, message: 'Session not found' };
        response.writeHead(404, { 'Content-Type': 'application/json' })
            .end(JSON.stringify({ jsonrpc: '2.0', error, id: null }));
    }
}).listen(process.env.PORT, '127.0.0.1');
