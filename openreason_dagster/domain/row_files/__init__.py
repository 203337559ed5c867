"""Files of rows that somebody hands over to be checked: read as streams, written back with further columns."""
