"""Metrics on resampled rows: how sure a metric is, and a difference between two models."""
