r"""Where the final answer stands in the text after the think block.

Explicit places, first that exists: the last `\boxed{…}` (boxes joined only by commas, "and" or "or" are one answer, so
that a list keeps its parts and a hedge stays a hedge), the last `<answer>…</answer>`, the last "answer is …" or
"answer: …". Mathematics may also stand in the last formula, or be the last number. Every pattern takes time linear in
the text, and only the end of a very long text is looked at.
"""

import re

LONGEST_TEXT = 50_000
DEEPEST_BOX = 5
_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{|[^\s{}])")
_JOINED = re.compile(r"[\s$]*(?:,|;|and|or|\\text\{\s*(?:and|or)\s*\}|\\quad|, and|, or)[\s$]*")
_TAG = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL)
_OPEN_TAG = "<answer>"
_PHRASE = re.compile(
    r"\banswer(?:\s+(?:to\s+[^\n.:]{1,80}?|here|therefore|then|choice|option))?\**(?:\s+is|\s*:)\**\s*:?\s*"
    r"|答案(?:是|为|：|:)\s*",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\[((?:(?!\\\[).)+?)\\\]|\\\(((?:(?!\\\().)+?)\\\)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[-−+]?(?:[$€£]\s*)?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?\s*%?")
_SENTENCE_END = re.compile(r"(?<=[^\d\s])\.(?=\s|$)|(?<=\d)\.(?=\s|$)|[\n!。]")
_REASON = re.compile(r"\s(?:because|since)\b", re.IGNORECASE)
_LONG_BLANK = re.compile(r"\s{100,}")
_CHAT_TOKEN = re.compile(r"<\|[^|<>]{1,40}\|>|</s>|<eos>")


def explicit_answer(text: str) -> str | None:
    """The answer that the text itself marks as final, or None."""
    text = _clipped(text)
    return _last_boxed(text) or _last_tagged(text) or _after_phrase(text)


def mathematical_answer(text: str) -> str | None:
    """The explicit answer, else the last formula, else the last number, else None."""
    explicit = explicit_answer(text)
    if explicit is not None:
        return without_reason(explicit)
    text = _clipped(text)
    formulas = [next(group for group in match.groups() if group) for match in _FORMULA.finditer(text)]
    if formulas:
        return formulas[-1].strip()
    numbers = _NUMBER.findall(text)
    return str(numbers[-1]).strip().rstrip(",") if numbers else None


def without_reason(answer: str) -> str:
    """The answer up to a "because" or "since"."""
    return _REASON.split(answer, maxsplit=1)[0].rstrip(" ,")


def has_closed_answer(text: str) -> bool:
    """Whether the text holds a final answer whose end is marked, so that a cut after it lost nothing of it."""
    text = _clipped(text)
    closed_box = any(is_closed for *_, is_closed in _boxes(text))
    return closed_box or _TAG.search(text) is not None


def _clipped(text: str) -> str:
    """The end of the text, with long runs of blanks shortened so that no pattern can dwell on them."""
    return _LONG_BLANK.sub(_shortened, _CHAT_TOKEN.sub(" ", text[-LONGEST_TEXT:]))


def _shortened(blanks: re.Match[str]) -> str:
    return "\n" * min(2, blanks.group().count("\n")) or " "


def _closing_brace(text: str, opening: int) -> int | None:
    """Index of the brace that closes the one at ``opening``; None without one."""
    if not text.startswith("{", opening):
        return None
    depth = 0
    for index in range(opening, len(text)):
        if text[index] in "{}" and text[index - 1] != "\\":
            depth += 1 if text[index] == "{" else -1
            if depth == 0:
                return index
    return None


def _boxes(text: str) -> list[tuple[int, int, str, bool]]:
    """Start, end, content and whether it is closed, of each outermost box; an unclosed one runs to its line's end."""
    boxes: list[tuple[int, int, str, bool]] = []
    position = 0
    while match := _BOX.search(text, position):
        start, opening = match.start(), match.end()
        closing = _closing_brace(text, opening)
        if closing is not None:
            boxes.append((start, closing + 1, text[opening + 1 : closing], True))
        elif text.startswith("{", opening):
            boxes.append((start, len(text), _first_line(text[opening + 1 :]), False))
        else:
            boxes.append((start, opening + 1, text[opening], True))
        position = boxes[-1][1]
    return [box for box in boxes if box[2].strip()]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip("$ .")


def _last_boxed(text: str) -> str | None:
    """Content of the last box, or of the last run of boxes that only commas, "and" or "or" stand between."""
    boxes = _boxes(text)
    if not boxes:
        return None
    run = [boxes[-1]]
    for box in reversed(boxes[:-1]):
        if not _JOINED.fullmatch(text, box[1], run[0][0]):
            break
        run.insert(0, box)
    contents = dict.fromkeys(_innermost(box[2]) for box in run)
    return ", ".join(contents)


def _innermost(content: str) -> str:
    """The last box within a box, for models that box twice."""
    for _ in range(DEEPEST_BOX):
        inner = _boxes(content)
        if not inner:
            break
        content = inner[-1][2]
    return content.strip()


def _last_tagged(text: str) -> str | None:
    matches = _TAG.findall(text)
    if matches and matches[-1].strip():
        return str(matches[-1]).strip()
    opening = text.rfind(_OPEN_TAG)
    unclosed = text[opening + len(_OPEN_TAG) :].strip() if opening >= 0 and not matches else ""
    return unclosed or None


def _after_phrase(text: str) -> str | None:
    """What follows the last "answer is": its first formula or run of formulas, else the rest of the sentence."""
    matches = list(_PHRASE.finditer(text))
    if not matches:
        return None
    rest = text[matches[-1].end() :].strip()
    formulas = list(_FORMULA.finditer(rest))
    if formulas and formulas[0].start() <= len("**about "):
        run = [formulas[0]]
        for formula in formulas[1:]:
            if not _JOINED.fullmatch(rest, run[-1].end(), formula.start()):
                break
            run.append(formula)
        return ", ".join(next(group for group in formula.groups() if group).strip() for formula in run)
    sentence = _SENTENCE_END.split(rest, maxsplit=1)[0]
    return sentence.strip(" *_`\"'") or None
