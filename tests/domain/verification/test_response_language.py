import json
from pathlib import Path

import pytest

from openreason_dagster.domain.verification.response_language import is_in_language
from openreason_dagster.domain.verification.written_languages import LANGUAGES, language_code

NEWS = Path(__file__).parents[2] / "data/ntrex_en_zh"
TEXTS = {
    "ar": "تشرق الشمس اليوم ونذهب إلى الحديقة مع الأطفال ثم نأكل المثلجات ونتحدث عن العمل.",
    "bg": "Днес слънцето грее и ние отиваме в парка с децата, а после ядем сладолед и говорим за работата.",
    "bn": "আজ রোদ উঠেছে এবং আমরা বাচ্চাদের নিয়ে পার্কে যাচ্ছি।",
    "de": "Heute scheint die Sonne und wir gehen mit den Kindern in den Park, danach essen wir ein Eis.",
    "en": "The sun is shining today and we are going to the park with the children.",
    "fa": "امروز هوا آفتابی است و ما با بچه‌ها به پارک می‌رویم و بعد بستنی می‌خوریم و درباره کار حرف می‌زنیم.",
    "fi": "Tänään paistaa aurinko ja menemme lasten kanssa puistoon ja syömme sitten jäätelöä.",
    "gu": "આજે તડકો છે અને અમે બાળકો સાથે બગીચામાં જઈએ છીએ.",
    "hi": "आज धूप है और हम बच्चों के साथ पार्क में जा रहे हैं, फिर हम आइसक्रीम खाते हैं।",
    "it": "Oggi splende il sole e andiamo al parco con i bambini, poi mangiamo un gelato.",
    "ja": "今日は天気がいいので、子供たちと公園に行きます。",
    "kn": "ಇಂದು ಬಿಸಿಲು ಇದೆ ಮತ್ತು ನಾವು ಮಕ್ಕಳೊಂದಿಗೆ ಉದ್ಯಾನಕ್ಕೆ ಹೋಗುತ್ತೇವೆ.",
    "ko": "오늘은 날씨가 좋아서 아이들과 함께 공원에 갑니다.",
    "mr": "आज ऊन पडले आहे आणि आम्ही मुलांसोबत बागेत जात आहोत, नंतर आम्ही आइस्क्रीम खाणार आहोत आणि ते छान आहे.",
    "ne": "आज घाम लागेको छ र हामी बच्चाहरूसँग पार्कमा जाँदैछौं, पछि हामी आइसक्रिम खान्छौं र यो राम्रो हुन्छ।",
    "pa": "ਅੱਜ ਧੁੱਪ ਹੈ ਅਤੇ ਅਸੀਂ ਬੱਚਿਆਂ ਨਾਲ ਪਾਰਕ ਜਾ ਰਹੇ ਹਾਂ।",
    "pt": "Hoje faz sol e vamos ao parque com as crianças, depois tomamos um sorvete e falamos do trabalho.",
    "ru": "Сегодня светит солнце, и мы идём с детьми в парк, а потом едим мороженое и говорим о работе.",
    "sw": "Leo jua linawaka na tunaenda bustanini pamoja na watoto, kisha tutakula aiskrimu nyumbani.",
    "ta": "இன்று வெயில் அடிக்கிறது, நாங்கள் குழந்தைகளுடன் பூங்காவிற்கு செல்கிறோம்.",
    "te": "ఈరోజు ఎండగా ఉంది, మేము పిల్లలతో పార్కుకు వెళ్తున్నాము.",
    "th": "วันนี้แดดออกและเราไปสวนสาธารณะกับเด็กๆ",
    "ur": "آج دھوپ نکلی ہے اور ہم بچوں کے ساتھ باغ میں جا رہے ہیں، پھر ہم آئس کریم کھائیں گے۔",
    "vi": "Hôm nay trời nắng và chúng tôi đi công viên với bọn trẻ, sau đó chúng tôi ăn kem.",
    "zh": "今天阳光明媚，我们带孩子们去公园，然后吃冰淇淋。",
}


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_text_is_in_its_language_and_in_no_other(language):
    found = {other: is_in_language(TEXTS[language], other) for other in TEXTS}
    assert found.pop(language) is True
    assert set(found.values()) == {False}, found


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        pytest.param(TEXTS["en"].upper(), "en", True, id="capitals"),
        pytest.param(f"{TEXTS['de']}\n\n{TEXTS['en']}", "de", False, id="half in another language"),
        pytest.param(f"{TEXTS['hi']} (Google Maps)", "hi", True, id="names in another script"),
        pytest.param(f"{TEXTS['hi']}\nToday the sun shines and we go to the park.", "hi", None, id="some foreign"),
        pytest.param("", "en", None, id="empty"),
        pytest.param("42 - 17", "en", None, id="no letters"),
        pytest.param("Obama Berlin", "fi", None, id="names alone"),
        pytest.param("https://example.com/eine/lange/deutsche/adresse", "kn", None, id="address alone"),
        pytest.param("日本", "ja", None, id="two characters that Chinese has too"),
    ],
)
def test_edges(text, language, expected):
    assert is_in_language(text, language) is expected


@pytest.mark.parametrize(("code", "expected"), [("zh-cn", "zh"), ("zh_TW", "zh"), ("no", "nb"), (" EN ", "en")])
def test_code(code, expected):
    assert language_code(code) == expected
    assert expected in LANGUAGES


def test_news_sentences_are_in_their_language():
    pairs = [json.loads(line) for line in next(NEWS.glob("*.jsonl")).read_text().splitlines()]
    for language, column in (("en", "eng"), ("zh", "zho-CN")):
        found = [is_in_language(pair[column], language) for pair in pairs]
        assert not found.count(False)
        assert found.count(True) >= 0.9 * len(found)
