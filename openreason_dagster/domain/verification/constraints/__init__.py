"""Constraints on a response that a program can check, in the vocabulary of IFEval; one module per subject."""
