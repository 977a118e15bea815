import type { Request, Response } from 'express';

import { parseId, parseNewVideo } from '../models/video';
import type { VideoService } from '../services/videos';
import { HttpError } from '../utils/http-error';

type ById = Request<{ id: string }>;

export class VideosController {
  constructor(private readonly videos: VideoService) {}

  list = async (_request: Request, response: Response): Promise<void> => {
    response.json(await this.videos.list());
  };

  create = async (request: Request, response: Response): Promise<void> => {
    const video = await this.videos.create(parseNewVideo(request.body));
    response.status(201).location(`/videos/${video.id}`).json(video);
  };

  get = async (request: ById, response: Response): Promise<void> => {
    response.json(found(await this.videos.get(parseId(request.params.id))));
  };

  view = async (request: ById, response: Response): Promise<void> => {
    response.json(found(await this.videos.countView(parseId(request.params.id))));
  };

  remove = async (request: ById, response: Response): Promise<void> => {
    found(await this.videos.remove(parseId(request.params.id)));
    response.status(204).end();
  };
}

function found<T>(value: T | null): T {
  if (value === null) throw new HttpError(404, 'No such video');
  return value;
}
