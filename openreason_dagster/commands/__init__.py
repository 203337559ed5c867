"""What the command line does, one module per command; `cli.py` only parses arguments."""
