import type { RequestHandler } from 'express';

import type { Context } from '../app';
import { version } from '../config/version';

/** 200 while this process can read its database, else 503. */
export function healthController({ database, env, log }: Context): RequestHandler {
  return async (_request, response) => {
    // A plain SELECT 1 would not open the file of SQLite, nor need any table.
    const healthy = await database.video.findFirst({ select: { id: true } }).then(
      () => true,
      (error: Error) => {
        log.error(`health: ${error.message}`);
        return false;
      },
    );
    response.status(healthy ? 200 : 503).json({
      status: healthy ? 'ok' : 'error',
      uptime: process.uptime(),
      version,
      release: env.release,
      pid: process.pid,
    });
  };
}
