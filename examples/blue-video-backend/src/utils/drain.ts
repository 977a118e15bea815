import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

export interface DrainOptions {
  /** How long idle clients may still send a request and be told to close, in ms. */
  idle?: number;
  /** When to cut what is still open, in ms. */
  limit?: number;
}

/**
 * Prepares a server for an end that no client notices, and returns the function that ends it:
 * accepting stops, running and late requests are answered with `Connection: close`, then idle
 * sockets are cut.
 */
export function drainable(server: Server, { idle = 1_000, limit = 10_000 }: DrainOptions = {}) {
  const sockets = new Set<Socket>();
  const running = new Set<ServerResponse>();
  let draining = false;

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.prependListener('request', (_request, response) => {
    if (draining) askToClose(response);
    running.add(response);
    response.once('close', () => running.delete(response));
  });

  // A socket that never sent a byte does not count as idle for Node.
  const cutIdle = (): void => {
    server.closeIdleConnections();
    sockets.forEach((socket) => socket.bytesRead === 0 && socket.destroy());
  };

  return async function drain(): Promise<void> {
    draining = true;
    running.forEach(askToClose);
    const idleTimer = setInterval(cutIdle, idle);
    const limitTimer = setTimeout(() => server.closeAllConnections(), limit);
    // A busy PM2 daemon may still hand over a connection that it took before it heard of us.
    await Promise.all([stopAccepting(server), new Promise((done) => setTimeout(done, 300))]);
    clearInterval(idleTimer);
    clearTimeout(limitTimer);
  };
}

function askToClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

/**
 * The HTTP server's own close() cuts idle sockets at once, while a request may be on its way
 * on one of them; the close() that it inherits from net leaves them open.
 */
function stopAccepting(server: Server): Promise<void> {
  return new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve()));
}
