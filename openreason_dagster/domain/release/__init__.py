"""What leaves the platform: shards, card, manifest, plots and the report page."""
