"""Scripts that run inside a sandbox, as one file each: `scripts.py` hands out their text.

They import the standard library only, and `value_graph`, whose text is put in front of theirs.
"""
