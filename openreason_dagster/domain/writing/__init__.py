"""Texts that a model in the role `writer` is asked for, and what they have to hold to."""
