import type { Video } from '@prisma/client';

import { HttpError } from '../utils/http-error';

export type NewVideo = Pick<Video, 'title' | 'url'>;

const MAX_TITLE = 200;

export function parseNewVideo(body: unknown): NewVideo {
  const { title, url } = Object(body) as Record<string, unknown>;
  if (typeof title !== 'string' || title.trim() === '' || title.length > MAX_TITLE) {
    throw new HttpError(400, `title must be a text of 1 to ${MAX_TITLE} characters`);
  }
  if (typeof url !== 'string' || !isWebAddress(url)) {
    throw new HttpError(400, 'url must be an http or https address');
  }
  return { title: title.trim(), url };
}

export function parseId(text: string): number {
  const id = Number(text);
  if (!Number.isSafeInteger(id) || id < 1) throw new HttpError(404, 'No such video');
  return id;
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
