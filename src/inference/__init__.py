"""Batch scoring: model to reader to scorer to writer."""
