import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '@prisma/client';

export async function openDatabase(url: string): Promise<PrismaClient> {
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
}
