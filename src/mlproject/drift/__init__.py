"""Has the data changed? Profiles of columns, counts that add up, and how far they differ."""
