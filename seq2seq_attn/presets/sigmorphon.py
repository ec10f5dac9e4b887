"""Files of the SIGMORPHON shared tasks: words with their phones, and lemmas with the forms that features ask for."""

from __future__ import annotations

from seq2seq_attn.data.corpus import Pair
from seq2seq_attn.presets.preset import Preset

_SPACE = "␣"  # U+2423


def asked(lemma: str, features: str) -> str:
    """A lemma and features as one source, to be split by space.

    Each character of the lemma is a symbol, a space in it ``␣``; each feature is one in angle brackets, which is never
    a single character, so that no letter is taken for a feature.

    Args:
        lemma: the word as a dictionary has it.
        features: with semicolons between them, as UniMorph writes them.

    Raises:
        ValueError: a feature that is empty or holds a space.

    Example:
        >>> asked("gå ut", "V;PST")
        'g å ␣ u t <V> <PST>'
    """
    found = features.split(";")
    if not all(found) or " " in features:
        raise ValueError(f"features {features!r}; give at least one, with semicolons between them and no space: V;PST")
    characters = (_SPACE if character == " " else character for character in lemma)
    return " ".join((*characters, *(f"<{feature}>" for feature in found)))


def inflected(line: str) -> Pair:
    """The pair of a line ``lemma TAB form TAB features``: see `asked`.

    Raises:
        ValueError: more or fewer than three fields; an empty lemma; a feature that is none.

    Example:
        >>> inflected("gå\\tgick\\tV;PST")
        Pair(source='g å <V> <PST>', target='gick')
    """
    fields = line.split("\t")
    if len(fields) != 3:
        raise ValueError(f"fields: {len(fields)}; give three, lemma, form and features, with tabs between them")
    lemma, form, features = fields
    if not lemma.strip():
        raise ValueError("the lemma is empty; give it a text, or leave the line out")
    return Pair(asked(lemma, features), form)


PHONES = Preset("sigmorphon-g2p", "words to phones: files of word TAB phones with spaces between them")
INFLECTION = Preset(
    "sigmorphon-inflection",
    "lemma and features to a form: files of lemma TAB form TAB features",
    pair=inflected,
    source="space",
    target="character",
)
