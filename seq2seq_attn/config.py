"""What a model is built from, in one place that can be saved; and what all such places share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Any, ClassVar, Literal, Self, TypeAlias, get_args, get_origin, get_type_hints

LoopKind: TypeAlias = Literal["fastest", "plain", "scheduled", "fused", "compiled"]
InitialWeights: TypeAlias = Literal["default", "paper", "unit"]


@dataclass(frozen=True)
class Settings:
    """Fields that are checked when they are given, and that can be saved: whole numbers are 1 at least.

    Raises:
        TypeError: a value of another type; a float may be given as an int.
        ValueError: a whole number below 1, or 0 for ``from_zero``; a word that is none of a field's choices.
    """

    from_zero: ClassVar[frozenset[str]] = frozenset()  # fields that may also be 0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave.

        Raises:
            ValueError: a key that is unknown or missing, or a value that is not allowed.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        unknown = ", ".join(sorted(map(str, values.keys() - fields.keys())))
        needed = {name for name, field in fields.items() if field.default is dataclasses.MISSING}
        missing = ", ".join(sorted(needed - values.keys()))
        if unknown or missing:
            faults = (f"unknown: {unknown}" if unknown else "", f"missing: {missing}" if missing else "")
            raise ValueError(f"keys of the {cls.__name__.lower()}, {'; '.join(filter(None, faults))}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, for JSON."""
        return dataclasses.asdict(self)

    def __post_init__(self) -> None:
        kinds = _types(type(self))  # type: ignore[arg-type]  # a class is hashable, whatever its instances are
        for name in (field.name for field in dataclasses.fields(self)):
            value, kind = getattr(self, name), kinds[name]
            if get_origin(kind) is Literal:
                if value not in get_args(kind):
                    raise ValueError(f"{name} is {value!r}; it is one of {', '.join(map(repr, get_args(kind)))}")
                continue
            allowed = get_args(kind) or (kind,)  # of a union, its types
            if type(value) not in allowed and not (type(value) is int and float in allowed):
                names = " or ".join("None" if kind is NoneType else kind.__name__ for kind in allowed)
                raise TypeError(f"{name} is {value!r}; it is of type {names}")
            if type(value) is int and int in allowed and value < (least := 0 if name in self.from_zero else 1):
                raise ValueError(f"{name} is {value}; it is at least {least}")


@cache
def _types(settings: type[Settings]) -> dict[str, Any]:
    """Of each field."""
    return get_type_hints(settings)


@dataclass(frozen=True, kw_only=True)
class Config(Settings):
    """Sizes and options of a `Seq2Seq`; read by `Seq2Seq.from_config` and saved as config.json. No size has a default.

    Args:
        source_vocabulary: number of known source symbols.
        target_vocabulary: number of known target symbols, ``bos`` and ``eos`` included.
        bos: the target symbol that begins a sentence.
        eos: the target symbol that ends one.
        embedding_size: size of an embedded symbol, E.
        hidden_size: size of s_i and of each direction of the encoder, H.
        attention_size: hidden layer of the energy `a`.
        readout_size: hidden layer of the output `out`.
        diagram: the picture of the step, or of the whole model: the name of one that ships, or its text.
        encoder: "RNN", "pyramid", "convolution" or "transformer", where the picture does not show it.
        cell: "GRU", "LSTM" or "Elman", in the encoder, and in the decoder where its picture says ``RNN``.
        reset_after: where a GRU's reset gate acts; False is the paper. See `GRUStep`.
        bidirectional: whether the encoder also reads from right to left.
        num_layers: layers of the encoder; a decoder's stand in its picture, ``rnn[RNN, 2 layers]``.
        dropout: probability of zeroing an element of a source embedding, of the input of a layer above the first in
            encoder and decoder, of the readout. A picture can say another: ``rnn[RNN, 2 layers, dropout 0.3]``.
        readout: "tanh" or "maxout"; see `FeedforwardOutput`.
        bridge: what s_0 reads, "final", "backward" or "mean"; see `Bridge`.
        unknown_size: how many different unknown symbols a sentence may hold, for a picture that copies: the k-th of a
            sentence has the number ``target_vocabulary + k``, in source and target alike.
        coverage_loss: weight of See et al. 2017's equation 12 in the loss, for a picture with ``coverage``.
        initial_weights: "default" (torch's own), "paper" or "unit" (embeddings of length 1); see `initial`.

    Raises:
        TypeError: a value of another type.
        ValueError: a size below 1, a symbol outside the vocabulary, an unknown option, options that exclude each other.
    """

    source_vocabulary: int
    target_vocabulary: int
    bos: int
    eos: int
    embedding_size: int
    hidden_size: int
    attention_size: int
    readout_size: int
    diagram: str = "bahdanau"
    encoder: Literal["RNN", "pyramid", "convolution", "transformer"] = "RNN"
    cell: Literal["GRU", "LSTM", "Elman"] = "GRU"
    reset_after: bool = True
    bidirectional: bool = True
    num_layers: int = 1
    dropout: float = 0.0
    readout: Literal["tanh", "maxout"] = "tanh"
    bridge: Literal["final", "backward", "mean"] = "final"
    unknown_size: int = 0
    coverage_loss: float = 0.0
    initial_weights: InitialWeights = "default"

    from_zero = frozenset({"bos", "eos", "unknown_size"})

    @classmethod
    def paper(cls, *, source_vocabulary: int, target_vocabulary: int, bos: int, eos: int, **changes: Any) -> Config:
        """The model of Bahdanau et al. 2015: sizes, cell, readout and s_0 of appendix A, first weights of B.1.

        Example:
            >>> Config.paper(source_vocabulary=30000, target_vocabulary=30000, bos=0, eos=1).hidden_size
            1000
        """
        options: dict[str, Any] = {
            "embedding_size": 620,
            "hidden_size": 1000,
            "attention_size": 1000,
            "readout_size": 500,
            "reset_after": False,
            "readout": "maxout",
            "bridge": "backward",
            "initial_weights": "paper",
            **changes,
        }
        return cls(
            source_vocabulary=source_vocabulary, target_vocabulary=target_vocabulary, bos=bos, eos=eos, **options
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("bos", "eos"):
            if getattr(self, name) >= self.target_vocabulary:
                raise ValueError(f"{name} is {getattr(self, name)}; the target has {self.target_vocabulary} symbols")
        if self.bos == self.eos:
            raise ValueError(f"bos and eos are both {self.bos}; a sentence that begins would have ended")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout}; it is a probability below 1")
        if not 0.0 <= self.coverage_loss < float("inf"):
            raise ValueError(f"coverage_loss is {self.coverage_loss}; it is a weight of at least 0")
        if self.cell != "GRU" and not self.reset_after:
            raise ValueError(f"reset_after=False is an option of the GRU; {self.cell} has no reset gate")
        if self.bridge == "backward" and not self.bidirectional:
            raise ValueError("bridge='backward' needs an encoder with that direction; set bidirectional=True")
