const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, before, test } = require('node:test');

const { createApp } = require('../dist/app.js');
const { readEnv } = require('../dist/config/env.js');
const { openDatabase } = require('../dist/services/database.js');
const { createLogger } = require('../dist/utils/logger.js');
const { version } = require('../package.json');

const folder = mkdtempSync(join(tmpdir(), 'blue-video-'));
const dotenv = { DATABASE_URL: `file:${folder}/test.db`, API_KEY: 'secret', TURNOUT_RELEASE: 'v7' };
let database;
let server;
let base;

async function serve(url) {
  const env = readEnv({ ...dotenv, DATABASE_URL: url });
  const database = await openDatabase(url);
  const server = createApp({ env, database, log: createLogger('error') }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { database, server, base: `http://127.0.0.1:${server.address().port}` };
}

before(async () => {
  const prisma = ['--no-install', 'prisma', 'migrate', 'deploy'];
  execFileSync('npx', prisma, { cwd: join(__dirname, '..'), env: { ...process.env, ...dotenv }, stdio: 'pipe' });
  ({ database, server, base } = await serve(dotenv.DATABASE_URL));
});

after(async () => {
  server?.close();
  await database?.$disconnect();
  rmSync(folder, { recursive: true });
});

async function call(method, path, { body, headers } = {}) {
  const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const response = await fetch(base + path, { method, body, headers: { ...json, ...headers } });
  const text = await response.text();
  return { status: response.status, body: text && JSON.parse(text) };
}

const add = (video) => call('POST', '/videos', { body: JSON.stringify(video) });
const sea = { title: 'The sea', url: 'https://example.com/sea.mp4' };

test('health says who answers', async () => {
  const { status, body } = await call('GET', '/health');
  assert.equal(status, 200);
  assert.ok(body.uptime > 0);
  assert.deepEqual({ ...body, uptime: 0 }, { status: 'ok', uptime: 0, version, release: 'v7', pid: process.pid });
});

test('health is 503 when the database cannot be read', async () => {
  const empty = await serve(`file:${folder}/without-tables.db`);
  const response = await fetch(`${empty.base}/health`);
  assert.equal(response.status, 503);
  assert.equal((await response.json()).status, 'error');
  empty.server.close();
  await empty.database.$disconnect();
});

test('the front page greets', async () => {
  assert.equal(typeof (await call('GET', '/')).body.greeting, 'string');
});

test('a video is created, found and listed first', async () => {
  const { status, body: video } = await add(sea);
  assert.equal(status, 201);
  assert.deepEqual({ ...sea, views: 0 }, { title: video.title, url: video.url, views: video.views });
  assert.deepEqual((await call('GET', `/videos/${video.id}`)).body, video);
  assert.deepEqual((await call('GET', '/videos')).body[0], video);
});

test('no view is lost when many come at once', async () => {
  const { id } = (await add(sea)).body;
  await Promise.all(Array.from({ length: 20 }, () => call('POST', `/videos/${id}/views`)));
  assert.equal((await call('GET', `/videos/${id}`)).body.views, 20);
});

test('only the holder of the API key removes a video', async () => {
  const { id } = (await add(sea)).body;
  assert.equal((await call('DELETE', `/videos/${id}`)).status, 401);
  const headers = { Authorization: 'Bearer secret' };
  assert.equal((await call('DELETE', `/videos/${id}`, { headers })).status, 204);
  assert.equal((await call('GET', `/videos/${id}`)).status, 404);
});

for (const body of ['{', '{}', '{"title":" ","url":"https://a.b"}', '{"title":"a","url":"javascript:1"}']) {
  test(`a video of ${body} is refused`, async () => {
    assert.equal((await call('POST', '/videos', { body })).status, 400);
  });
}

for (const [method, path] of [['GET', '/videos/99999'], ['GET', '/videos/x'], ['POST', '/videos/99999/views'], ['GET', '/no']]) {
  test(`${method} ${path} is not found`, async () => {
    assert.equal((await call(method, path)).status, 404);
  });
}
