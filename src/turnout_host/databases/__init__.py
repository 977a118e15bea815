"""Asking the app's own database, before Prisma does: what is in, what failed, who holds Prisma's lock. Only looks.

Nothing needs to be installed for it: SQLite's file is read with Python's own module, PostgreSQL is spoken to in its
own protocol (version 3). Others cannot be asked, and that is said.
"""
