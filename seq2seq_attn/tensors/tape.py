"""What of torch's functions ran, as a reader would call it: the tape from which a `Story` is told."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import zip_longest
from types import CodeType, NoneType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, get_testing_overrides

Place = tuple[tuple[CodeType, int], ...]

SYMBOLS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "pow": "^", "neg": "−"}
SYMBOLS |= {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "eq": "=", "ne": "≠", "invert": "¬"}
_SAME = {"truediv": "div", "divide": "div", "multiply": "mul", "subtract": "sub", "negative": "neg"}
_SAME |= {f"{kind}_{word}": word for kind in ("logical", "bitwise") for word in ("and", "or")}
_SAME |= {"logical_not": "invert", "bitwise_not": "invert"}
_SAME |= {"multi_head_attention_forward": "attention", "scaled_dot_product_attention": "attention"}
_FORMS = ("zeros", "ones", "empty", "rand", "randn")  # if they take tensors, these are sizes
_QUIET = ("keepdim", "device", "dtype", "training", "embed_dim_to_check", "dropout_p", "average_attn_weights")
_LIBRARY = ("gru", "lstm", "rnn_tanh", "rnn_relu")  # whose parameters tell layers and directions by their names


@dataclass(frozen=True)
class Call:
    """A call of one of torch's functions.

    Attributes:
        function: what was called.
        args, kwargs: with what.
        result: what it gave, or the tensor that it changed in place.
        place: where in the program: the instruction in each Python function that was running, innermost first.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any
    place: Place

    @cached_property
    def word(self) -> str:
        """The function's name without underscores, which mark operators and what is done in place: "add", "getitem"."""
        function: Any = self.function
        name: str = (function.__self__ if function.__name__ == "__get__" else function).__name__  # x.mT is got
        word = name.strip("_")
        plain = word[1:] if name.startswith(("__i", "__r", "rsub")) else word  # x += y, 1 - x
        plain = _SAME.get(plain, plain)
        return plain if plain in SYMBOLS else _SAME.get(word, word)

    @cached_property
    def operands(self) -> list[Tensor]:
        """The tensors that it took values of, in order: none of zeros_like, which takes but a form."""
        form_only = self.word.startswith("new_") or self.word.endswith("_like") or self.word in _FORMS
        return [] if form_only else list(tensors([*self.args, *self.kwargs.values()]))

    def detail(self, limit: int = 60) -> str:
        """The arguments that are no tensors, where they are not the usual ones: "dim=-1"; at most ``limit`` long."""
        if self.word in _LIBRARY:
            return ""
        usual = _defaults(self.function)
        positional = zip_longest(list(usual)[: len(self.args)], self.args)
        text = ", ".join(
            _text(value) if name not in self.kwargs and _speaks_for_itself(name, usual) else f"{name}={_text(value)}"
            for name, value in (*positional, *self.kwargs.items())
            if name not in _QUIET and _says_something(value) and _single(value) != _single(usual.get(name))
        )
        if self.function.__name__ in ("__rsub__", "rsub", "__rdiv__", "__rtruediv__", "__rpow__"):  # 1 - x
            text = f"{text} {SYMBOLS[self.word]} ·"
        return text if len(text) <= limit else f"{text[: limit - 1]}…"


class Tape(TorchFunctionMode):
    """While it is open, keeps each call that gives a tensor or changes one; so all of them live, each with its `id`.

    Args:
        start: the function that opens it; places are told from there.
    """

    def __init__(self, start: Callable[..., Any]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._start = start.__code__

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        made = args[0] if func is Tensor.__setitem__ else result
        if next(tensors(made), None) is not None:
            self.calls.append(Call(func, args, kwargs, made, self._place()))
        return result

    def _place(self) -> Place:
        place, frame = [], sys._getframe(2)
        while frame.f_code is not self._start and frame.f_back is not None:
            place.append((frame.f_code, frame.f_lasti))
            frame = frame.f_back
        return tuple(place)


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor in a value, or in lists and tuples of them, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)


_REQUIRED = inspect.Parameter.empty


@cache
def _defaults(function: Callable[..., Any]) -> dict[str | None, Any]:
    """The names and defaults of a function's arguments, in order, also of one written in C, as far as torch tells."""
    told = get_testing_overrides().get(function)
    return {} if told is None else {p.name: p.default for p in inspect.signature(told).parameters.values()}


def _speaks_for_itself(name: str | None, usual: Mapping[str | None, Any]) -> bool:
    """Whether an argument needs no name: it is always given, as the 2 of x / 2; of heads, the number is an option."""
    return usual.get(name, _REQUIRED) is _REQUIRED and name != "num_heads"


def _says_something(value: Any) -> bool:
    """Whether an argument is no tensor, nor tensors only, nor a device, nor something left out."""
    if isinstance(value, (tuple, list)):
        return not all(isinstance(item, (Tensor, NoneType)) for item in value)
    return not isinstance(value, (Tensor, torch.device, NoneType)) and value is not False


def _single(value: Any) -> Any:
    """A stride of (1,) is one of 1."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _text(value: Any) -> str:
    value = _single(value)
    if isinstance(value, Tensor):
        return "·"
    if isinstance(value, slice):
        parts = (value.start, value.stop) if value.step is None else (value.start, value.stop, value.step)
        return ":".join("" if part is None else _text(part) for part in parts)
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "…" if value is ... else str(value).removeprefix("torch.")
