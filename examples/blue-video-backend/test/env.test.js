const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { test } = require('node:test');

const { readEnv } = require('../dist/config/env.js');

const minimal = { DATABASE_URL: 'file:/tmp/a.db', API_KEY: 'key' };

test('defaults fill in what is not required', () => {
  assert.deepEqual(readEnv(minimal), {
    databaseUrl: 'file:/tmp/a.db',
    apiKey: 'key',
    port: 3000,
    logLevel: 'info',
    release: null,
  });
});

test('the release comes from Turnout first', () => {
  const release = (more) => readEnv({ ...minimal, ...more }).release;
  assert.equal(release({ RELEASE_ID: 'v1-abc' }), 'v1-abc');
  assert.equal(release({ RELEASE_ID: 'v1-abc', TURNOUT_RELEASE: 'v1' }), 'v1');
});

for (const wrong of [{ PORT: '80a' }, { PORT: '65536' }, { LOG_LEVEL: 'loud' }]) {
  test(`${JSON.stringify(wrong)} is refused`, () => {
    assert.throws(() => readEnv({ ...minimal, ...wrong }), /must be/);
  });
}

test('the server does not start without its settings and says which', () => {
  const server = join(__dirname, '../dist/server-local.js');
  const { status, stderr } = spawnSync(process.execPath, [server], { cwd: tmpdir(), env: {}, encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /DATABASE_URL and API_KEY must be set/);
});
