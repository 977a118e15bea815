import 'dotenv/config';

import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { defineConfig } from 'prisma/config';

const NAME = 19;
const TEXT = 25;

// Prisma's engine asks for columns of the type `name`, which adapter-pg 6.19.3 does not know: they are text.
const { addFields } = pg.Result.prototype;
pg.Result.prototype.addFields = function (fields: { dataTypeID: number }[]): void {
  for (const field of fields) if (field.dataTypeID === NAME) field.dataTypeID = TEXT;
  addFields.call(this, fields);
};

// As in the sample: `prisma generate` wants a value but opens nothing.
process.env.DATABASE_URL ??= 'postgresql://nobody@127.0.0.1:1/DATABASE_URL-is-not-set';
const connectionString = process.env.DATABASE_URL;

export default defineConfig({
  schema: 'prisma/schema.prisma',
  engine: 'js',
  experimental: { adapter: true },
  adapter: async () => new PrismaPg({ connectionString }),
});
