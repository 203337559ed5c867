"""Things with a connection, a device or a process: tables, engines, the catalogue folder."""
