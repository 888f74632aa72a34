"""What everything else stands on; it knows nothing of MLflow, models or data."""
