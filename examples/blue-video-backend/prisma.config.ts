import 'dotenv/config';

import { PrismaLibSQL } from '@prisma/adapter-libsql';
import { defineConfig } from 'prisma/config';

// `prisma generate` wants a value but opens nothing. `migrate` does open it, and must
// fail on a machine that has no DATABASE_URL: nothing can be created at this path.
process.env.DATABASE_URL ??= 'file:/nonexistent/DATABASE_URL-is-not-set.db';
const url = process.env.DATABASE_URL;

export default defineConfig({
  schema: 'prisma/schema.prisma',
  engine: 'js',
  experimental: { adapter: true },
  adapter: async () => new PrismaLibSQL({ url }),
});
