"""Data: from a source that a user names to a table, its hash and its schema."""
