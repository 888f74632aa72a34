"""Pages that need no other file and no network: figures, and the frame that all of them share."""
