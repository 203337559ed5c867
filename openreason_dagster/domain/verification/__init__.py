"""From an answer and a reference to a verdict with evidence."""
