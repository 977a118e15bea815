const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { drainable } = require('../dist/utils/drain.js');

async function listen(handler, options) {
  const server = http.createServer(handler);
  const drain = drainable(server, options);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { drain, port: server.address().port };
}

async function get(port, agent) {
  const [response] = await once(http.get({ port, host: '127.0.0.1', agent }), 'response');
  response.resume();
  await once(response, 'end');
  return response;
}

test('a running request outlives the idle sockets, and its client is asked to close', async () => {
  const { drain, port } = await listen((_, response) => void setTimeout(() => response.end('done'), 200), { idle: 50 });
  const agent = new http.Agent({ keepAlive: true });
  const running = get(port, agent);
  await sleep(50);
  const drained = drain();
  const response = await running;
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers.connection, 'close');
  await drained;
});

test('an idle connection still gets one answer, a new one is refused', async () => {
  const { drain, port } = await listen((_, response) => response.end());
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal((await get(port, agent)).headers.connection, 'keep-alive');
  const drained = drain();
  await sleep(50);
  await assert.rejects(get(port), { code: 'ECONNREFUSED' });
  assert.equal((await get(port, agent)).headers.connection, 'close');
  await drained;
});

test('idle connections are cut in the end, those that never sent a byte too', async () => {
  const { drain, port } = await listen((_, response) => response.end(), { idle: 100 });
  await once(net.connect(port, '127.0.0.1'), 'connect');
  await get(port, new http.Agent({ keepAlive: true }));
  const start = performance.now();
  await drain();
  const took = performance.now() - start;
  assert.ok(took > 90 && took < 1000, `took ${took} ms`);
});
