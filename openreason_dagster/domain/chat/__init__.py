"""Conversations that are taken over (OR2): how published sets hold them, and which are kept."""
