"""Frequent words that tell English at a glance, so that most plain English needs no statistics."""

ENGLISH_FUNCTION_WORDS = frozenset(
    """
    about after again and another are because been before being between both can can't could did didn't does doesn't
    don't each either every first from get gets got has have he here how however i'll i'm if into isn't it it's its
    just let's make makes maybe means might more must my need not only other our out second should since some such
    than that that's the their them then there there's therefore these they they're think this those through to up
    wait we'll we're what when where which while who why will with without won't would you your
    """.split()  # noqa: SIM905 - a hundred quoted literals are harder to read
)
"""Lower case; words that are common in another language of the script too (is, of, so, we, also…) are left out."""
