"""Runs as a person looks at them: listed, shown, and compared, whoever made them."""
