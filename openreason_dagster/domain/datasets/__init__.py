"""Selections and mixes made of verified traces."""
