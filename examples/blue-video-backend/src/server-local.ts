import 'dotenv/config';

import { createServer } from 'node:http';

import { createApp } from './app';
import { readEnv } from './config/env';
import { version } from './config/version';
import { openDatabase } from './services/database';
import { drainable } from './utils/drain';
import { createLogger } from './utils/logger';

// Longer than the usual idle time of a proxy, so that it is the proxy who closes.
const KEEP_ALIVE_MS = 65_000;

async function main(): Promise<void> {
  const env = readEnv(process.env);
  const log = createLogger(env.logLevel);
  const database = await openDatabase(env.databaseUrl);

  const server = createServer(createApp({ env, database, log }));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const drain = drainable(server);

  let stopping = false;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log.info(`${signal}: draining`);
    await drain();
    await database.$disconnect();
    log.info('drained');
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);

  server.on('error', fail);
  server.listen(env.port, () => {
    log.info(`blue-video-backend ${version} (release ${env.release ?? 'none'}) listens on ${env.port}`);
  });
}

function fail(error: unknown): never {
  console.error(`Cannot start: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

main().catch(fail);
