"""Attention encoder-decoders whose diagram is the specification, the program and the picture.

The names below are the public ones. Each is loaded when it is first used: to read and draw diagrams needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq_attn.bridge import Bridge as Bridge
    from seq2seq_attn.config import Config as Config
    from seq2seq_attn.data.batch import Batch as Batch
    from seq2seq_attn.data.batches import Batches as Batches
    from seq2seq_attn.data.corpus import Corpus as Corpus
    from seq2seq_attn.data.vocabularies import Vocabularies as Vocabularies
    from seq2seq_attn.data.vocabulary import Vocabulary as Vocabulary
    from seq2seq_attn.decoder import Decoded as Decoded
    from seq2seq_attn.decoder import Decoder as Decoder
    from seq2seq_attn.drawing.drawing import Drawing as Drawing
    from seq2seq_attn.drawing.style import Style as Style
    from seq2seq_attn.graph import Graph as Graph
    from seq2seq_attn.kinds import register as register
    from seq2seq_attn.plots.plot import animate_attention as animate_attention
    from seq2seq_attn.plots.plot import plot_attention as plot_attention
    from seq2seq_attn.search import Hypothesis as Hypothesis
    from seq2seq_attn.seq2seq import Seq2Seq as Seq2Seq
    from seq2seq_attn.training.loop import exact_match as exact_match
    from seq2seq_attn.training.loop import train as train
    from seq2seq_attn.training.recipe import Recipe as Recipe
    from seq2seq_attn.training.trainer import Trainer as Trainer
    from seq2seq_attn.translate import Translator as Translator
    from seq2seq_attn.wired import Wired as Wired
    from seq2seq_attn.wiring import Step as Step
    from seq2seq_attn.wiring import Wiring as Wiring

_MODULES = {
    "bridge": ("Bridge",),
    "config": ("Config",),
    "data.batch": ("Batch",),
    "data.batches": ("Batches",),
    "data.corpus": ("Corpus",),
    "data.vocabularies": ("Vocabularies",),
    "data.vocabulary": ("Vocabulary",),
    "decoder": ("Decoded", "Decoder"),
    "drawing.drawing": ("Drawing",),
    "drawing.style": ("Style",),
    "graph": ("Graph",),
    "kinds": ("register",),
    "plots.plot": ("animate_attention", "plot_attention"),
    "search": ("Hypothesis",),
    "seq2seq": ("Seq2Seq",),
    "training.loop": ("exact_match", "train"),
    "training.recipe": ("Recipe",),
    "training.trainer": ("Trainer",),
    "translate": ("Translator",),
    "wired": ("Wired",),
    "wiring": ("Step", "Wiring"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
