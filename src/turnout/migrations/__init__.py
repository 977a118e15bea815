"""What migrations do to a database, read from their SQL, and what that means for code that does not know them."""
