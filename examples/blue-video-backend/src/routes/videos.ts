import { Router } from 'express';

import type { Context } from '../app';
import { VideosController } from '../controllers/videos';
import { requireApiKey } from '../middleware/require-api-key';
import { VideoService } from '../services/videos';

export function videoRoutes({ env, database }: Context): Router {
  const videos = new VideosController(new VideoService(database));
  const router = Router();
  router.get('/', videos.list);
  router.post('/', videos.create);
  router.get('/:id', videos.get);
  router.post('/:id/views', videos.view);
  router.delete('/:id', requireApiKey(env.apiKey), videos.remove);
  return router;
}
