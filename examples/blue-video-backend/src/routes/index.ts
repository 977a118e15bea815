import { Router } from 'express';

import type { Context } from '../app';
import { greeting } from '../config/greeting';
import { healthController } from '../controllers/health';
import { videoRoutes } from './videos';

export function createRoutes(context: Context): Router {
  const router = Router();
  router.get('/', (_request, response) => void response.json({ greeting }));
  router.get('/health', healthController(context));
  router.use('/videos', videoRoutes(context));
  return router;
}
