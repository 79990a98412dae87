"""Two spellings of the same words made equal, before words are counted as errors.

A recogniser that writes "471926" for "four seven one nine two six" made no mistake. The English
normaliser of the Whisper paper knows numbers, money, contractions and British spelling; what it
leaves different are dates and digits read one by one.
"""

import re
import warnings
from functools import cache

with warnings.catch_warnings():
    # One of its docstrings holds a lone backslash, of which Python warns when it compiles the file.
    warnings.simplefilter("ignore")
    from whisper_normalizer.english import EnglishTextNormalizer

_MONTH = (
    r"(?P<month>january|february|march|april|may|june|july|august|september|october|november"
    r"|december)"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DAY_FIRST = re.compile(rf"\b(?:the )?{_DAY}(?: of)? {_MONTH}\b")
_MONTH_FIRST = re.compile(rf"\b{_MONTH} (?:the )?{_DAY}\b")
_ONE = re.compile(r"\bone\b")
_DIGITS = re.compile(r"\b\d(?: \d)+\b")


@cache
def _english() -> EnglishTextNormalizer:
    return EnglishTextNormalizer()


def normalised(text: str) -> str:
    """Return a transcript as it is compared: lower case, bare words, numbers and dates in one form.

    Args:
        text: English.
    """
    joined = _DIGITS.sub(lambda digits: digits[0].replace(" ", ""), text)
    words = str(_english()(joined))
    # It writes 1 as a word and every other number in digits.
    words = _ONE.sub("1", words)
    words = _DAY_FIRST.sub(r"\g<month> \g<day>", words)
    words = _MONTH_FIRST.sub(r"\g<month> \g<day>", words)
    return " ".join(words.split())
