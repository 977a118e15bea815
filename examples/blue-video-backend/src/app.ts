import type { PrismaClient } from '@prisma/client';
import express, { type Express } from 'express';

import type { Env } from './config/env';
import { handleError, notFound } from './middleware/errors';
import { logRequests } from './middleware/log-requests';
import { createRoutes } from './routes';
import type { Logger } from './utils/logger';

export interface Context {
  env: Env;
  database: PrismaClient;
  log: Logger;
}

export function createApp(context: Context): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(logRequests(context.log));
  app.use(express.json());
  app.use(createRoutes(context));
  app.use(notFound);
  app.use(handleError(context.log));
  return app;
}
