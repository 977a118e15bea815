import type { ErrorRequestHandler, RequestHandler } from 'express';

import { HttpError } from '../utils/http-error';
import type { Logger } from '../utils/logger';

export const notFound: RequestHandler = (request) => {
  throw new HttpError(404, `No ${request.method} ${request.path} here`);
};

/** Answers with what the client may know; anything unexpected is logged and stays inside. */
export function handleError(log: Logger): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (response.headersSent) return next(error);
    // Express's own errors (such as malformed JSON) carry a status as well.
    const status: number = error.status ?? 500;
    if (status >= 500) log.error(`${request.method} ${request.path}: ${error.stack ?? error}`);
    response.status(status).json({ error: status < 500 ? error.message : 'Internal error' });
  };
}
