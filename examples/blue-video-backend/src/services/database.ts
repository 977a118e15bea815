import { PrismaLibSQL } from '@prisma/adapter-libsql';
import { PrismaClient } from '@prisma/client';

/**
 * Opens the database for several processes at once: a writer waits for the other one instead
 * of failing with SQLITE_BUSY, and with a write-ahead log readers never wait.
 *
 * The adapter takes no such options and opens a new connection after an interactive
 * transaction, so the services keep to single statements.
 */
export async function openDatabase(url: string): Promise<PrismaClient> {
  const database = new PrismaClient({ adapter: new PrismaLibSQL({ url }) });
  await database.$queryRaw`PRAGMA busy_timeout = 5000`;
  await database.$queryRaw`PRAGMA journal_mode = WAL`;
  return database;
}
