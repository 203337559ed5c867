"""The work itself, free of Dagster, of the environment and of global state."""
