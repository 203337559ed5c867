"""Places where untrusted programs run: bubblewrap on this machine, or a server."""
