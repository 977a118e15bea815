"""Tools that change a database's schema, one file each. There is one so far: Prisma."""
