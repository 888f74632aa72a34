"""Registered models as a server has them: versions, aliases, and the record of their moves."""
