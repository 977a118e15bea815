import { isLogLevel, type LogLevel, logLevels } from '../utils/logger';

export interface Env {
  databaseUrl: string;
  apiKey: string;
  port: number;
  logLevel: LogLevel;
  release: string | null;
}

type Source = Record<string, string | undefined>;

const required = ['DATABASE_URL', 'API_KEY'] as const;

/** Reads and checks the settings; throws an error that names everything that is missing. */
export function readEnv(source: Source): Env {
  const missing = required.filter((name) => !source[name]);
  if (missing.length > 0) {
    throw new Error(`${missing.join(' and ')} must be set; see .env.example`);
  }
  return {
    databaseUrl: source.DATABASE_URL!,
    apiKey: source.API_KEY!,
    port: readPort(source.PORT ?? '3000'),
    logLevel: readLogLevel(source.LOG_LEVEL ?? 'info'),
    release: source.TURNOUT_RELEASE ?? source.RELEASE_ID ?? null,
  };
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new Error(`PORT must be a number from 0 to 65535, not "${text}"`);
  }
  return port;
}

function readLogLevel(text: string): LogLevel {
  if (!isLogLevel(text)) {
    throw new Error(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not "${text}"`);
  }
  return text;
}
