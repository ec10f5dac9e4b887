"""How a model is trained, in one place that can be saved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from seq2seq_attn.config import LoopKind, Settings


@dataclass(frozen=True, kw_only=True)
class Recipe(Settings):
    """All choices of a training; with the data and the first weights, they are the whole of it.

    Args:
        updates: steps of the optimiser, all in all.
        max_tokens: of a batch: rows times the symbols of the longest source or target, whichever is more.
        batch_size: rows of a batch at most; None: as many as ``max_tokens`` allows.
        max_length: symbols of a source and of a target at most, longer pairs are left out; None: all are taken.
        accumulate: pieces that a process cuts its share of a batch into, one after the other, to save memory.
        optimizer: "Adam" (Kingma & Ba 2015), or "AdamW", whose weight decay is decoupled (Loshchilov & Hutter 2019).
        learning_rate: the highest, where its ``schedule`` begins to fall; see `rates.rate`.
        weight_decay: what torch's optimisers call so: for Adam the gradient of an L2 penalty, for AdamW a share of
            each weight that an update takes away, times the learning rate.
        schedule: how the learning rate falls; see `rates.rate`.
        warmup: updates in which the learning rate rises to its highest, in a straight line.
        label_smoothing: share of a target symbol's probability that goes to all symbols alike, below 1: Szegedy et al.
            2016, "Rethinking the Inception Architecture", section 7.
        clip: the greatest norm of all gradients together, of the loss in nats a symbol (Pascanu et al. 2013, section
            3.2); None: they are left as they are.
        scheduled_sampling: probability, in the last update, that a step is given the model's own best symbol instead
            of the true one; it grows from 0 in a straight line: Bengio et al. 2015, "Scheduled Sampling".
        precision: of matrix products under `torch.autocast`; weights, sums and loss stay in float32. In fused loops all
            but products does, and these too where the processor has no unit for bfloat16. "float16" scales the loss
            against underflow: Micikevicius et al. 2018, section 3.
        loop: how the model's loops run, see `Seq2Seq`. "compiled" is built in C++ when it is first asked for, which
            takes half a minute and a compiler.
        compile: whether `torch.compile` makes programs of model and loss, which takes minutes at first.
        evaluate_every: updates between two evaluations on the dev set.
        patience: evaluations without a better one after which training ends; None: it never ends early.
        metric: what makes one better, on the dev set: the loss in nats a symbol, or a score of decoding.
        average: how many of the last checkpoints are averaged into each one's model, weight for weight; 1 is itself:
            Vaswani et al. 2017, section 6.1.
        keep: how many of the last checkpoints are kept, beside the best.
        skip_limit: updates in a row whose loss or gradient may not be finite; each is left out, the last is an error.
        seed: of the order of the data, of dropout and of all other noise.

    Raises:
        TypeError: a value of another type.
        ValueError: a value that is out of the range said above.

    Example:
        >>> recipe = Recipe(updates=1000, max_tokens=2048, schedule="cosine", warmup=100)
        >>> Recipe.from_dict(recipe.to_dict()) == recipe
        True
    """

    updates: int
    max_tokens: int = 4096
    batch_size: int | None = None
    max_length: int | None = None
    accumulate: int = 1
    optimizer: Literal["Adam", "AdamW"] = "Adam"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    schedule: Literal["constant", "linear", "cosine", "inverse_square_root", "plateau"] = "constant"
    warmup: int = 0
    label_smoothing: float = 0.0
    clip: float | None = 1.0
    scheduled_sampling: float = 0.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    loop: LoopKind = "fastest"
    compile: bool = False
    evaluate_every: int = 1000
    patience: int | None = None
    metric: Literal["loss", "exact_match", "symbol_error_rate", "bleu", "chrf"] = "loss"
    average: int = 1
    keep: int = 1
    skip_limit: int = 20
    seed: int = 0

    from_zero = frozenset({"warmup", "seed"})

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("learning_rate", "weight_decay"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it is a number from 0 upwards")
        if self.clip is not None and not 0.0 < self.clip < math.inf:
            raise ValueError(f"clip is {self.clip}; it is a norm above 0, or None")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ValueError(f"label_smoothing is {self.label_smoothing}; it is a share below 1")
        if not 0.0 <= self.scheduled_sampling <= 1.0:
            raise ValueError(f"scheduled_sampling is {self.scheduled_sampling}; it is a probability")
        if self.warmup > self.updates:
            raise ValueError(f"warmup is {self.warmup}; there are {self.updates} updates")
        if self.average > self.keep:
            raise ValueError(f"average is {self.average}, and of the last checkpoints {self.keep} are kept; raise keep")

    def better(self, score: float, best: float | None) -> bool:
        """Whether a dev score is better by the ``metric`` than the best before; None: there was none. NaN never is."""
        if math.isnan(score) or best is None:
            return not math.isnan(score)
        return score < best if self.lower_is_better else score > best

    @property
    def lower_is_better(self) -> bool:
        """Whether the ``metric`` is a loss or an error rate."""
        return self.metric in ("loss", "symbol_error_rate")
