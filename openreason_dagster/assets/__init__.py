"""Software-defined assets, one module per stage: read, call one domain function, write, report."""
