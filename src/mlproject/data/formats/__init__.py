"""File formats: one module each, in which it is read and written."""
