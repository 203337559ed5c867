"""Which prompts get no chain of thought: greetings, thanks, and what asks for nothing that needs thought.

R1 answered simple queries such as a greeting without a chain of thought and did not publish the rule. This one looks at
the words alone, so that it is the same in every run and free; it leaves what it is unsure of to be thought about.
"""

import re
import unicodedata

GREETINGS = frozenset(
    {
        "hi", "hello", "hey", "hiya", "yo", "greetings", "good morning", "good afternoon", "good evening", "good night",
        "how are you", "how are you doing", "whats up", "bye", "goodbye", "see you", "see you later", "thanks",
        "thank you", "thank you very much", "thanks a lot", "thanks for your help", "thank you for your help",
        "ok", "okay", "yes", "no", "sure", "cool", "great", "nice",
        "你好", "您好", "嗨", "哈喽", "早上好", "下午好", "晚上好", "晚安", "再见", "拜拜", "谢谢", "谢谢你", "多谢",
        "好的", "你好吗", "你好啊", "你好呀",
        "hola", "buenos días", "buenos dias", "buenas tardes", "buenas noches", "adiós", "adios", "gracias",
        "muchas gracias", "qué tal", "que tal", "cómo estás", "como estas", "vale",
        "bonjour", "salut", "bonsoir", "merci", "merci beaucoup", "au revoir", "ça va", "ca va", "comment ça va",
        "hallo", "guten morgen", "guten tag", "guten abend", "gute nacht", "danke", "danke schön", "vielen dank",
        "tschüss", "auf wiedersehen", "wie gehts", "wie geht es dir", "servus", "moin",
        "привет", "здравствуйте", "здравствуй", "доброе утро", "добрый день", "добрый вечер", "спасибо",
        "большое спасибо", "пока", "до свидания", "как дела",
        "こんにちは", "おはよう", "おはようございます", "こんばんは", "ありがとう", "ありがとうございます",
        "さようなら",
        "元気ですか",
        "안녕", "안녕하세요", "좋은 아침", "감사합니다", "고마워", "고맙습니다", "잘 가", "안녕히 가세요",
    }
)  # fmt: skip
"""Texts in lower case without punctuation; Unicode NFKC."""
_ADDRESSED = frozenset(
    {"there", "all", "everyone", "you", "friend", "bot", "assistant", "again", "so much", "zusammen"}
)
_ASKS = re.compile(r"[?？¿;\d=+*/^]|[؟]")
_SYMBOL = re.compile(r"[^\w\s]|_")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_SYLLABLE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_LONGEST_NAME, _MOST_SYLLABLES = 12, 3
_FEWEST_WORDS = 1.5


def triage(prompt: str) -> str | None:
    """Why a prompt gets no chain of thought, `greeting` or `trivial`; None where it gets one.

    A greeting, thanks or assent may address somebody by one more word. Trivial is one word (two characters of Chinese
    or Japanese) or none, with neither a question mark nor a digit nor a sign of a formula.
    """
    text = unicodedata.normalize("NFKC", prompt).casefold().replace("'", "").replace("’", "")
    words = _SYMBOL.sub(" ", text).split()
    if _is_greeting(words):
        return "greeting"
    count = len([word for word in words if not _UNSPACED.search(word)]) + len(_UNSPACED.findall(text)) / 2
    return "trivial" if count < _FEWEST_WORDS and not _ASKS.search(text) else None


def _is_greeting(words: list[str]) -> bool:
    """Whether the words are greetings, each addressed to nobody or to somebody."""
    for end in range(len(words), 0, -1):
        if " ".join(words[:end]) in GREETINGS:
            rest = words[end:]
            return (
                not rest or _addresses(rest) or _is_greeting(rest) or (_addresses(rest[:1]) and _is_greeting(rest[1:]))
            )
    return False


def _addresses(words: list[str]) -> bool:
    """Whether the words may be a name; a word of a script without spaces may as well be a sentence."""
    if len(words) > 1:
        return " ".join(words) in _ADDRESSED
    return len(words[0]) <= _LONGEST_NAME and len(_SYLLABLE.findall(words[0])) <= _MOST_SYLLABLES
