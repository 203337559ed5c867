"""Text that can be stored: every string that enters from outside has to be well-formed Unicode."""


def well_formed(text: str) -> str:
    """The text with each unpaired surrogate replaced by U+FFFD; such code points have no UTF-8 form.

    JSON can spell them, so a server or a file can hand them to us.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
