"""What a schema.prisma is understood to use."""

from turnout.migrations.models import read

SCHEMA = """
generator client { provider = "prisma-client-js" }
datasource db {
  provider = "postgresql"
}
/// A person.
model User {
  id      Int      @id @default(autoincrement())
  // nick  String
  email   String   @unique @map("e_mail") // with a comment
  role    Role     @default(USER)
  posts   Post[]
  size    Decimal? @db.Decimal(10, 2)
  raw     Unsupported("circle")?
  tags    String[]
  @@map("users")
  @@index([email])
}
model Post {
  id       Int        @id
  author   User       @relation(fields: [authorId], references: [id])
  authorId Int
  labels   Label[]
}
model Label {
  id    Int    @id
  posts Post[]
}
enum Role {
  USER
  ADMIN @map("boss")
  @@map("roles")
}
"""


def test_tables_columns_and_values_by_their_names_in_the_database() -> None:
    """@map and @@map count; relations have no column; lists on both sides have Prisma's own table."""
    found = read(SCHEMA)

    assert found.tables == {
        "users": {"id", "e_mail", "role", "size", "raw", "tags"},
        "Post": {"id", "authorId"},
        "Label": {"id"},
        "_LabelToPost": {"A", "B"},
    }
    assert found.enums == {"roles": {"USER", "boss"}}


def test_a_text_without_models() -> None:
    """Nothing is found, and nothing is raised."""
    assert read("") == read("model {") == read("x" * 1000)
