"""Asset checks, one module per asset module: sentences that can fail."""
