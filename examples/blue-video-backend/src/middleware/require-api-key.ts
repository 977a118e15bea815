import { createHash, timingSafeEqual } from 'node:crypto';

import type { RequestHandler } from 'express';

import { HttpError } from '../utils/http-error';

/** Lets only requests through that carry `Authorization: Bearer <key>`. */
export function requireApiKey(key: string): RequestHandler {
  const expected = digest(`Bearer ${key}`);
  return (request, _response, next) => {
    const given = digest(request.get('Authorization') ?? '');
    if (!timingSafeEqual(given, expected)) throw new HttpError(401, 'An API key is required');
    next();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
