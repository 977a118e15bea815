import { Prisma, type PrismaClient, type Video } from '@prisma/client';

import type { NewVideo } from '../models/video';

const PAGE = 50;

export class VideoService {
  constructor(private readonly database: PrismaClient) {}

  /** The newest videos first. */
  list(): Promise<Video[]> {
    return this.database.video.findMany({ orderBy: { id: 'desc' }, take: PAGE });
  }

  create(video: NewVideo): Promise<Video> {
    return this.database.video.create({ data: video });
  }

  get(id: number): Promise<Video | null> {
    return this.database.video.findUnique({ where: { id } });
  }

  /** Counted inside the database, so that no view is lost between two processes. */
  countView(id: number): Promise<Video | null> {
    const data = { views: { increment: 1 } };
    return this.database.video.update({ where: { id }, data }).catch(nullIfMissing);
  }

  remove(id: number): Promise<Video | null> {
    return this.database.video.delete({ where: { id } }).catch(nullIfMissing);
  }
}

function nullIfMissing(error: unknown): null {
  if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2025') return null;
  throw error;
}
