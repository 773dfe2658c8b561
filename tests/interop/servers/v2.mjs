// SPDX-License-Identifier: MIT
// A modern server built with the v2 SDK, on 127.0.0.1:PORT. It speaks no legacy era, so that a
// client cannot fall back to one unnoticed. It answers as JSON, or as SSE where a notification
// precedes the answer; with argument `sse`, always as SSE.

import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { addTools } from './tools.mjs';

function newServer() {
    const server = new McpServer({ name: 'interop-v2', version: '1.0.0' });
    addTools(server, ({ mcpReq }) => (
        { progressToken: mcpReq._meta?.progressToken, notify: mcpReq.notify }));
    return server;
}

const handler = createMcpHandler(newServer, {
    legacy: 'reject',
    responseMode: process.argv[2] === 'sse' ? 'sse' : 'auto',
});
createServer(toNodeHandler(handler)).listen(process.env.PORT, '127.0.0.1');
