"""Which languages a text can be told to be in, and the scripts they are written in.

Scripts are the first words of the names of their letters in Unicode.
"""

from collections.abc import Mapping

_LATIN = frozenset({
    "af", "az", "bs", "ca", "cs", "cy", "da", "de", "en", "eo", "es", "et", "eu", "fi", "fr", "ga", "hr", "hu",
    "id", "is", "it", "la", "lg", "lt", "lv", "mi", "ms", "nb", "nl", "nn", "pl", "pt", "ro", "sk", "sl", "sn",
    "so", "sq", "st", "sv", "sw", "tl", "tn", "tr", "ts", "vi", "xh", "yo", "zu",
})  # fmt: skip
SHARED_SCRIPTS: Mapping[str, frozenset[str]] = {
    "LATIN": _LATIN,
    "CYRILLIC": frozenset({"be", "bg", "kk", "mk", "mn", "ru", "sr", "uk"}),
    "ARABIC": frozenset({"ar", "fa", "ur"}),
}
"""Languages of a script that `lingua` tells apart."""
DEVANAGARI = "DEVANAGARI"
DEVANAGARI_WORDS: Mapping[str, frozenset[str]] = {
    "hi": frozenset({
        "है", "हैं", "का", "की", "के", "को", "में", "से", "और", "ने", "पर", "यह", "कि",
        "हो", "था", "थे", "थी", "भी", "लिए", "नहीं", "कर", "इस", "वह", "तो", "गया", "हुआ",
        "आप", "अपने", "करने", "सकते",
    }),
    "mr": frozenset({
        "आहे", "आहेत", "आणि", "मध्ये", "या", "हे", "ही", "ते", "आम्ही", "मी", "तुम्ही",
        "नाही", "होते", "होता", "होती", "केले", "साठी", "किंवा", "पण", "असे", "त्या",
        "करण्यासाठी", "झाले", "आपण",
    }),
    "ne": frozenset({
        "छ", "छन्", "हो", "र", "मा", "लाई", "थियो", "थिए", "गर्न", "गरेको", "भएको",
        "हुन्छ", "हुन्", "यो", "पनि", "लागि", "छैन", "म", "हामी", "तपाईं", "गर्छ",
        "गर्नुहोस्", "यस", "गर्ने", "उनी", "उनले",
    }),
}  # fmt: skip
"""Words that make up much of any text in Hindi, Marathi and Nepali."""
OWN_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "am": ("ETHIOPIC",), "bn": ("BENGALI",), "el": ("GREEK",), "gu": ("GUJARATI",), "he": ("HEBREW",),
    "hy": ("ARMENIAN",), "ja": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"), "ka": ("GEORGIAN",),
    "km": ("KHMER",), "kn": ("KANNADA",), "ko": ("HANGUL",), "lo": ("LAO",), "ml": ("MALAYALAM",),
    "my": ("MYANMAR",), "or": ("ORIYA",), "pa": ("GURMUKHI",), "si": ("SINHALA",), "ta": ("TAMIL",),
    "te": ("TELUGU",), "th": ("THAI",), "zh": ("CJK",),
}  # fmt: skip
"""Languages that are alone in their script, or told from others by kana."""
SCRIPTS: Mapping[str, tuple[str, ...]] = {
    **OWN_SCRIPTS,
    **dict.fromkeys(DEVANAGARI_WORDS, (DEVANAGARI,)),
    **{language: (script,) for script, languages in SHARED_SCRIPTS.items() for language in languages},
}
LANGUAGES = frozenset(SCRIPTS)
"""Languages that can be told from others; ISO 639-1, and `nb` and `nn` for Norwegian."""


def language_code(code: str) -> str:
    """The code that this table uses: `zh-cn` is `zh`, `no` is `nb`."""
    base = code.strip().lower().replace("_", "-").partition("-")[0]
    return {"no": "nb", "iw": "he", "in": "id"}.get(base, base)
