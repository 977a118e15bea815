import type { RequestHandler } from 'express';

import type { Logger } from '../utils/logger';

export function logRequests(log: Logger): RequestHandler {
  return (request, response, next) => {
    const start = performance.now();
    response.once('finish', () => {
      const ms = (performance.now() - start).toFixed(1);
      log.debug(`${request.method} ${request.originalUrl} ${response.statusCode} ${ms} ms`);
    });
    next();
  };
}
