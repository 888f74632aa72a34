"""Where runs are recorded: targets, the saved choice, and the connection."""
