r"""Where the final answer stands in the text after the think block.

Explicit places, first that exists: the last `\boxed{…}` (boxes joined only by commas, "and" or "or" are one answer, so
that a list keeps its parts and a hedge stays a hedge), the last `<answer>…</answer>`, the last "answer is …" or
"answer: …". Mathematics may also stand in the last formula, or be the last number. Every pattern takes time linear in
the text, and only the end of a very long text is looked at.
"""

import re
from functools import lru_cache

LONGEST_TEXT = 50_000
LONGEST_BOX = 2_000
DEEPEST_BOX = 5
_BRACE = re.compile(r"(?<!\\)[{}]")
_BOX = re.compile(r"\\(?:begin)?(?:boxed|fbox|framebox)\s*(?=\{|[^\s{}])")
_JOINED = re.compile(
    r"(?:[\s$,;.]|\\[()\[\],;: ]|\\q?quad)*(?:(?:and|or|\\text\{\s*,?\s*(?:and|or)\s*\}|[,;]|\\q?quad)"
    r"(?:[\s$]|\\[()\[\],;: ]|\\q?quad)*)(?:[a-zA-Z](?:_\{?\w{1,3}\}?)?\s*=[\s$]*)?"
)
_TAG = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL)
_OPEN_TAG = "<answer>"
_PHRASE = re.compile(
    r"\b(?:answer|solution|result)(?:\s+(?:to\s+[^\n.:]{1,80}?|here|therefore|then|choice|option))?\**"
    r"(?:\s+(?:is|would be|should be|must be|equals)\b|\s*:)\**\s*:?\s*|\banswer\**\s*\n+\s*|^\s*####\s*"
    r"|(?:答案|结果)(?:是|为|等于)?[：:]?\s*",
    re.IGNORECASE | re.MULTILINE,
)
_FORMULA = re.compile(
    r"\$\$([^$]+)\$\$|(?<!\\)\$((?:\\.|[^$\\\n])+)\$|\\\[((?:(?!\\\[).)+?)\\\]|\\\(((?:(?!\\\().)+?)\\\)", re.DOTALL
)
_NUMBER = re.compile(
    r"[-−+]?\d{0,9}\\[dt]?frac\{[^{}\n]{1,40}\}\{[^{}\n]{1,40}\}"
    r"|\(\s*[-−+]?[\d./]{1,20}(?:\s*,\s*[-−+]?[\d./]{1,20}){1,9}\s*\)"
    r"|(?<![A-Za-z0-9_.])[-−+]?(?:[$€£]\s*)?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:\s*/\s*\d+|\s+\d+/\d+)?"
    r"\s*(?:%|percent\b|pct\b)?"
)
_DIGIT = re.compile(r"\d")
_TEXT_COMMAND = re.compile(r"\\[a-zA-Z]+\s*\{[^{}]*\}")
_PROSE = re.compile(r"(?<![\\{a-zA-Z])[a-zA-Z]{3,}\s+[a-zA-Z]{3,}")
_SENTENCE_END = re.compile(r"(?<=[^\d\s])\.(?=\s|$)|(?<=\d)\.(?=\s|$)|[\n!。]")
_REASON = re.compile(r"\s(?:because|since)\b", re.IGNORECASE)
_LONG_BLANK = re.compile(r"\s{100,}")
_END_OF_TURN = re.compile(
    r"<\|(?:im_end|im_start|eot_id|eom_id|endoftext|end_of_text|end|end_of_turn|start_header_id)\|>"
    r"|<｜end▁of▁sentence｜>|</s>|<eos>|<end_of_turn>"
)
_CHAT_TOKEN = re.compile(r"<[|｜][^|｜<>]{1,40}[|｜]>|</s>|<s>|<bos>|<eos>")
_THINK_START, _THINK_END = "<think>", "</think>"


def explicit_answer(text: str) -> str | None:
    """The answer that the text itself marks as final, or None."""
    text = _clipped(text)
    return _last_boxed(text) or _last_tagged(text) or _after_phrase(text)


def marked_answers(text: str) -> list[str]:
    """Every kind of place that the text marks as final and what stands there: the last box, tag and phrase."""
    text = _clipped(text)
    return [found for found in (_last_boxed(text), _last_tagged(text), _after_phrase(text)) if found]


def stated_line(text: str) -> str | None:
    """The rest of the line behind the last "answer is …", for texts that hold full stops, such as initials."""
    matches = list(_PHRASE.finditer(text := _clipped(text)))
    return text[matches[-1].end() :].partition("\n")[0].strip() or None if matches else None


def last_value(text: str) -> str | None:
    """The last formula, or the last number outside formulas if that stands behind it; None without either."""
    last, end = None, 0
    for match in _FORMULA.finditer(text):
        content = next(group for group in match.groups() if group)
        if not _PROSE.search(_TEXT_COMMAND.sub("", content)):
            last, end = content.strip(), match.end()
    numbers = [match.group() for match in _NUMBER.finditer(text, end)]
    return numbers[-1].strip().rstrip(",") if numbers else last


def whole_answer(text: str) -> str:
    """The text without think block, chat tokens and long blanks, for answers that are nothing but the answer."""
    return _clipped(text).strip()


def without_reason(answer: str) -> str:
    """The answer up to a "because" or "since"."""
    return _REASON.split(answer, maxsplit=1)[0].rstrip(" ,")


def has_closed_answer(text: str) -> bool:
    """Whether the text holds a final answer whose end is marked, so that a cut after it lost nothing of it."""
    text = _clipped(text)
    closed_box = any(is_closed for *_, is_closed in _boxes(text))
    return closed_box or _TAG.search(text) is not None


@lru_cache(maxsize=256)
def _clipped(text: str) -> str:
    """The end of the text after the last think block, up to the end of the turn, with long runs of blanks shortened."""
    text = text[-LONGEST_TEXT:].rpartition(_THINK_END)[2].partition(_THINK_START)[0]
    ended = next((match for match in _END_OF_TURN.finditer(text) if text[: match.start()].strip()), None)
    text = text[: ended.start()] if ended else text
    return _LONG_BLANK.sub(_shortened, _CHAT_TOKEN.sub(" ", text))


def _shortened(blanks: re.Match[str]) -> str:
    return "\n" * min(2, blanks.group().count("\n")) or " "


def _closing_brace(text: str, opening: int) -> int | None:
    """Index of the brace that closes the one at ``opening``; None without one."""
    if not text.startswith("{", opening):
        return None
    depth = 0
    for brace in _BRACE.finditer(text, opening, opening + LONGEST_BOX):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.start()
    return None


def _boxes(text: str) -> list[tuple[int, int, str, bool]]:
    """Start, end, content and whether it is closed, of each outermost box; an unclosed one ends with its line."""
    boxes: list[tuple[int, int, str, bool]] = []
    position = 0
    while match := _BOX.search(text, position):
        start, opening = match.start(), match.end()
        closing = _closing_brace(text, opening)
        if closing is not None:
            boxes.append((start, closing + 1, text[opening + 1 : closing], True))
        elif text.startswith("{", opening):
            line = text[opening + 1 : opening + LONGEST_BOX]
            end = opening + 1 + len(line) - len(line.lstrip()) + len(line.strip().partition("\n")[0])
            boxes.append((start, max(end, opening + 1), _first_line(line), False))
        else:
            boxes.append((start, opening + 1, text[opening], True))
        position = boxes[-1][1]
    return [box for box in boxes if box[2].strip()]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip("$ .").removesuffix("\\}")


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
    formulas = [match for match in _FORMULA.finditer(rest) if not _PROSE.search(_TEXT_COMMAND.sub("", match.group()))]
    if formulas and formulas[0].start() <= len("**about ") and not _DIGIT.search(rest, 0, formulas[0].start()):
        run = [formulas[0]]
        for formula in formulas[1:]:
            if not _JOINED.fullmatch(rest, run[-1].end(), formula.start()):
                break
            run.append(formula)
        return ", ".join(next(group for group in formula.groups() if group).strip() for formula in run)
    sentence = _SENTENCE_END.split(rest, maxsplit=1)[0]
    return sentence.strip(" *_`\"'") or None
