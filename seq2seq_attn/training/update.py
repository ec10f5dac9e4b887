"""One update of a training: the gradient of one batch, however many pieces and processes it is cut for, and a step."""

from __future__ import annotations

import hashlib
import inspect
import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from seq2seq_attn.data.batch import Batch
from seq2seq_attn.training.objective import Objective
from seq2seq_attn.training.ranks import Ranks
from seq2seq_attn.training.rates import sampling
from seq2seq_attn.training.recipe import Recipe


class Outcome(NamedTuple):
    """What came of an update, the same in all processes; measured on the whole batch, before the weights changed.

    Attributes:
        loss: what is made smaller, the mean over the real target symbols, in nats; see `Sums`.
        nll: the negative log-likelihood of these symbols alone, the mean, in nats.
        exact_match: share of rows of which every symbol is the likeliest one.
        norm: of all gradients together, before they are clipped.
        symbols: number of real target symbols.
        applied: whether the weights changed; not if the loss or the norm is not finite.
        stop: whether any process asked for an end.
    """

    loss: float
    nll: float
    exact_match: float
    norm: float
    symbols: int
    applied: bool
    stop: bool


class Update:
    """Steps of an optimiser, each on the gradient of one whole batch.

    The rows of a batch are cut into ``world_size`` times ``accumulate`` pieces, of which each process takes its own one
    after the other. Their gradients add up to that of the batch, so that apart from dropout and other noise neither
    number changes more than rounding does. A process without rows takes part with a gradient of 0.

    Before each piece torch's global generator is seeded by the recipe's seed, the update, the process and the piece: a
    training that goes on from a checkpoint has the noise that it would have had, and no generator is saved.

    Args:
        objective: the model with its loss, on its device.
        recipe: how it is trained.
        ranks: this process among those of the training, which must have been joined; by default it is alone.
        seeded: False leaves torch's generator to the caller.

    Attributes:
        optimizer: of the model's parameters in their order; its state is to be saved with `state_dict`.
    """

    def __init__(
        self, objective: Objective, recipe: Recipe, ranks: Ranks | None = None, *, seeded: bool = True
    ) -> None:
        self.objective, self.recipe, self.ranks, self.seeded = objective, recipe, ranks or Ranks(), seeded
        self._parameters = [parameter for parameter in objective.parameters() if parameter.requires_grad]
        self._parts = list(objective.modules())
        self._device = self._parameters[0].device
        self._fused = self._device.type in ("cpu", "cuda")
        self.optimizer = _uncompiled(getattr(torch.optim, recipe.optimizer))(
            self._parameters,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=self._fused,
        )
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=recipe.precision == "float16")
        self._skipped = 0
        self._module: Any = torch.compile(objective, dynamic=True) if recipe.compile else objective
        if self.ranks.world_size > 1:
            self._module = DistributedDataParallel(self._module)

    def run(self, batch: Batch, update: int, *, rate: float, stop: bool = False) -> Outcome:
        """One update, in training mode; all processes run it with the same batch.

        Args:
            batch: all of it, on any device.
            update: its number, from 1.
            rate: the learning rate; see `rates.rate`.
            stop: whether this process asks for an end; all are told in the outcome.

        Raises:
            TypeError, ValueError: see `Seq2Seq.forward`; an update that the recipe does not have; the ``skip_limit``-th
                update in a row with a loss or a gradient that is not finite.
        """
        if not all(part.training for part in self._parts):  # to tell all of them takes 50 times as long as to ask
            self.objective.train()
        self.optimizer.zero_grad()
        symbols = int(batch.target_mask.sum())
        sums = self._backward(self._given(batch, update), update, symbols)
        total = torch.cat([sums, sums.new_tensor([stop])])
        if self.ranks.world_size > 1:
            distributed.all_reduce(total)
        self._scaler.unscale_(self.optimizer)
        norm = self._clip()
        loss, nll, right, stops, size = torch.cat([total, norm[None].to(total.dtype)]).tolist()
        applied = math.isfinite(loss) and math.isfinite(size)
        if applied:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
        self._scaler.update()
        outcome = Outcome(
            loss / symbols, nll / symbols, right / len(batch.target), size, symbols, applied, stop=stops > 0
        )
        self._count(outcome, update, rate)
        return outcome

    def _clip(self) -> Tensor:
        """The norm of all gradients together; they are clipped while the optimiser reads them, which saves a pass."""
        norms = [torch.linalg.vector_norm(p.grad) for p in self._parameters if p.grad is not None]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        if self._fused and self.recipe.clip is not None:
            optimizer: Any = self.optimizer  # what a GradScaler hands a fused one: gradients are divided by the scale
            optimizer.grad_scale = ((norm + 1e-6) / self.recipe.clip).clamp(min=1.0).float()
        elif self.recipe.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._parameters, self.recipe.clip)
        return norm

    def state_dict(self) -> dict[str, Any]:
        """What an update depends on beside weights and optimiser: numbers, for JSON."""
        return {"skipped": self._skipped, "scaler": self._scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._skipped = state["skipped"]
        self._scaler.load_state_dict(state["scaler"])

    def _given(self, batch: Batch, update: int) -> tuple[Tensor, ...]:
        """The batch, and where the model reads its own symbols, if it does."""
        probability = sampling(self.recipe, update)
        if not probability:
            return batch
        generator = torch.Generator().manual_seed(_seed(self.recipe.seed, update))
        own = torch.rand(batch.target.shape, generator=generator) < probability
        return (*batch, own)

    def _backward(self, given: tuple[Tensor, ...], update: int, symbols: int) -> Tensor:
        """Give the parameters the gradient of the batch, and return the `Sums` of this process's pieces, (3,)."""
        world_size, rank, sums = self.ranks.world_size, self.ranks.rank, list[Tensor]()
        for piece in range(self.recipe.accumulate):
            rows = slice(rank + piece * world_size, None, world_size * self.recipe.accumulate)
            if self.seeded:
                self._begin_noise(_seed(self.recipe.seed, update, rank, piece))
            alone: AbstractContextManager[None] = nullcontext()
            if world_size > 1 and piece < self.recipe.accumulate - 1:
                alone = self._module.no_sync()
            with alone:
                made = self._module(*(tensor[rows].to(self._device) for tensor in given))
                self._scaler.scale(made.loss * (world_size / symbols)).backward()  # the processes' mean is their sum
            sums.append(torch.stack(made).detach())
        return torch.stack(sums).sum(dim=0)

    def _begin_noise(self, seed: int) -> None:
        """What `torch.manual_seed` does, for this device; after the others it would look for half a millisecond."""
        torch.default_generator.manual_seed(seed)
        if self._device.type != "cpu":
            torch.get_device_module(self._device).manual_seed(seed)

    def _count(self, outcome: Outcome, update: int, rate: float) -> None:
        self._skipped = 0 if outcome.applied else self._skipped + 1
        if self._skipped == self.recipe.skip_limit:
            name = "gradient's norm" if math.isfinite(outcome.loss) else "loss"
            value = outcome.norm if math.isfinite(outcome.loss) else outcome.loss
            raise ValueError(
                f"the {name} of update {update} is {value}, as something was not finite in each of the last "
                f"{self._skipped} updates; they are left out of the weights; try a lower learning rate than {rate:.3g}"
            )


def _uncompiled(optimizer: type[Any]) -> type[Any]:
    """A torch optimiser without what tells `torch.compile` to go around it, which imports the compiler: a second."""
    told = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    methods = {name: inspect.unwrap(getattr(optimizer, name)) for name in told}
    return type(optimizer.__name__, (optimizer,), methods | {"step": torch.no_grad()(inspect.unwrap(optimizer.step))})


def _seed(*numbers: int) -> int:
    """64 bits that are a function of some numbers, and nothing else."""
    return int.from_bytes(hashlib.blake2b(repr(numbers).encode(), digest_size=8).digest(), "little")
