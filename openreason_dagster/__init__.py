"""OpenReason: an open data platform for reasoning traces, orchestrated by Dagster.

Import from the concrete module that holds a thing; nothing is re-exported here and nothing happens on import.
"""

__version__ = "0.1.0"
