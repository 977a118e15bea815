"""Where revisions come from: the user's git repository, which is only ever read."""
