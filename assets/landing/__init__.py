"""How communities come in: simulated ones, and importers of other people's files."""
