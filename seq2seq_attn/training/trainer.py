"""A training that can be left alone: it measures and saves itself, and goes on as if it had never stopped."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path

from torch import Tensor

from seq2seq_attn import checkpoint, manifest, runs
from seq2seq_attn.checkpoint import own_weights
from seq2seq_attn.data.batches import Batches, Rows
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.seq2seq import Seq2Seq
from seq2seq_attn.training import checkpoints, state
from seq2seq_attn.training.board import Board
from seq2seq_attn.training.dev import dev_scores
from seq2seq_attn.training.journal import Journal
from seq2seq_attn.training.kept import Kept, Place, mean, read_tensors, write_tensors
from seq2seq_attn.training.objective import Objective
from seq2seq_attn.training.ranks import Alone, Ranks
from seq2seq_attn.training.rates import rate
from seq2seq_attn.training.recipe import Recipe
from seq2seq_attn.training.stop import Stop
from seq2seq_attn.training.update import Update
from seq2seq_attn.translate import check_sizes

_DRAWN = 5


class Trainer:
    """Trains a model in a folder, the run.

    The run holds ``log.jsonl`` and a ``checkpoint-N`` for each evaluation that is kept, with the model as
    `Seq2Seq.from_pretrained` reads it, its vocabularies, and what training needs to go on.

    Args:
        model: on the device of ``ranks``.
        vocabularies: the model's.
        recipe: how to train.
        run: the folder; made if it is not there.
        ranks: the processes that train together, see `ranks.joined`; by default this one alone.

    Raises:
        ValueError: a model that cannot be saved, or not with these vocabularies.
    """

    def __init__(
        self,
        model: Seq2Seq,
        vocabularies: Vocabularies,
        recipe: Recipe,
        run: str | Path,
        *,
        ranks: Ranks | None = None,
    ) -> None:
        if model.config is None:
            raise ValueError(
                "a model without a config cannot be saved; build it by Seq2Seq.from_config or from_diagram"
            )
        check_sizes("the model", model, vocabularies)
        self.model, self.vocabularies, self.recipe, self.run = model, vocabularies, recipe, Path(run)
        self.ranks = ranks or Ranks()
        self._update = Update(Objective(model, recipe), recipe, self.ranks)
        self.place, self._epoch, self._order = Place(), -1, list[Rows]()

    def fit(self, train: Corpus, dev: Corpus, *, resume: bool = False, tensorboard: bool = False) -> int:
        """Train to the end of the recipe, or until dev scores have long been no better, or until asked to stop.

        Ctrl-C and SIGTERM let the update end, save a checkpoint, and end training; Ctrl-C after that ends it at
        once, see `Stop`.

        Args:
            train: to learn from.
            dev: to choose the best checkpoint by.
            resume: go on from the last checkpoint of the run, if it has one, bit for bit as if never stopped.
            tensorboard: also write to ``tensorboard`` in the run, with the attention of five dev sources at each
                evaluation; see `Board`.

        Returns:
            0, or 130 or 143 if it was stopped by SIGINT or SIGTERM.

        Raises:
            ValueError: a run that is there, without ``resume``; one of other data, another model or another recipe;
                loss or gradients that stay not finite; see `Update.run`.
            OSError: a folder that cannot be written; the checkpoints before are kept.
        """
        recipe = self.recipe
        batches, measured = self._batches(train, recipe.max_length), self._batches(dev, None)
        data = {"train": train.digest, "dev": dev.digest}
        damaged = self._start(data, resume)
        begun = json.dumps([asdict(self.place), data, recipe.to_dict()])
        if not self.ranks.same(begun):
            raise ValueError(
                f"the processes of this training do not begin alike; rank {self.ranks.rank} begins after update "
                f"{self.place.update}: give all the same command and data, and a RUN on a disk that all see"
            )
        with (
            Stop() as stop,
            Journal(self.run, updates=recipe.updates, done=self.place.update, quiet=not self.ranks.is_first) as journal,
            self._board(dev, tensorboard) as board,
        ):
            for text in damaged:
                journal.say(text)
            if batches.left_out:
                journal.say(
                    f"{batches.left_out:,} of {len(train):,} pairs are longer than {recipe.max_length}: left out"
                )
            while self.place.update < recipe.updates and not self._has_waited():
                rows = self._next(batches)
                number = self.place.update
                now = rate(recipe, number) * self.place.standing.factor
                outcome = self._update.run(batches.batch(rows).longest_first(), number, rate=now, stop=stop.signal > 0)
                found = {name: value for name, value in outcome._asdict().items() if name != "stop"}
                journal.trained(number, rate=now, **found)
                if board:
                    board.trained(number, found | {"rate": now})
                if number % recipe.evaluate_every == 0 or number == recipe.updates:
                    self._evaluate(measured, data, journal, board)
                elif outcome.stop:
                    self._save(data, None, own_weights(self.model))
                if outcome.stop and number < recipe.updates and not self._has_waited():
                    journal.say(f"stopped after update {number:,}; --resume goes on from there")
                    return stop.status or 128 + signal.SIGTERM  # another process was asked
            if self._has_waited():
                journal.say(f"{self.place.standing.waited} evaluations without a better one: done")
        return 0

    def _has_waited(self) -> bool:
        """Whether dev scores have been no better for as long as the recipe waits."""
        return self.recipe.patience is not None and self.place.standing.waited >= self.recipe.patience

    def _batches(self, corpus: Corpus, max_length: int | None) -> Batches:
        recipe = self.recipe
        return Batches(
            corpus,
            self.vocabularies,
            max_tokens=recipe.max_tokens,
            batch_size=recipe.batch_size,
            seed=recipe.seed,
            max_length=max_length,
        )

    def _board(self, dev: Corpus, wanted: bool) -> AbstractContextManager[Board | None]:
        """What TensorBoard is told by; its examples are the dev sources in the middle of five equal parts."""
        if not wanted or not self.ranks.is_first:
            return nullcontext()
        sources = [dev[(2 * part + 1) * len(dev) // (2 * _DRAWN)].source for part in range(_DRAWN)]
        return Board(self.run, self.vocabularies, list(dict.fromkeys(sources)), done=self.place.update)

    def _next(self, batches: Batches) -> Rows:
        """The rows of the next batch; the place moves on to it."""
        place = self.place
        if place.epoch != self._epoch:
            self._epoch, self._order = place.epoch, batches.epoch(place.epoch)
        if place.batch == len(self._order):
            self._epoch, self._order = place.epoch + 1, batches.epoch(place.epoch + 1)
            place = replace(place, epoch=place.epoch + 1, batch=0)
        self.place = replace(place, update=place.update + 1, batch=place.batch + 1)
        return self._order[place.batch]

    def _evaluate(self, dev: Batches, data: Mapping[str, str], journal: Journal, board: Board | None) -> None:
        """Measure the average of the last checkpoints and the weights as they are, and save it; the first process does.

        The others wait for its score.
        """
        alone = Alone(self.ranks)
        if self.ranks.is_first:
            raw = {name: weight.detach().clone() for name, weight in own_weights(self.model).items()}
            averaged = self._averaged(raw, journal)
            self._load(averaged)
            scores = dev_scores(self.model, dev, self.recipe, alone.at_work)
            if board:
                board.evaluated(self.place.update, scores, self.model)
            self._load(raw)
            journal.evaluated(self.place.update, scores)
            value = alone.done(scores[self.recipe.metric])
        else:
            value = alone.result()
        self.place = replace(self.place, standing=self.place.standing.after(value, self.recipe))
        if self.ranks.is_first:
            self._save(data, value, averaged)

    def _averaged(self, raw: Mapping[str, Tensor], journal: Journal) -> dict[str, Tensor]:
        """The mean of these weights and those that training had at the last checkpoints with a score.

        One that is damaged is named, and the one before it taken in its place.
        """
        several = [raw]
        for path in reversed(runs.checkpoints(self.run)):
            if len(several) == self.recipe.average:
                break
            if runs.update_of(path) >= self.place.update:
                continue
            try:
                manifest.verify(path)
                if runs.cost_of(path) is not None:
                    several.append(read_tensors(path)[0])
            except ValueError as error:
                journal.say(f"{error}; it is not in the average")
        return mean(several)

    def _save(self, data: Mapping[str, str], score: float | None, averaged: Mapping[str, Tensor]) -> None:
        """A checkpoint; its model is the average, and what training goes on with stands beside it."""
        if not self.ranks.is_first:
            return
        assert self.model.config is not None
        config = self.model.config
        sign = 1.0 if self.recipe.lower_is_better else -1.0
        cost = None if score is None or not math.isfinite(score) else sign * score
        kept = Kept(cost, self.place, data, self.recipe, self._update.state_dict())

        def write(folder: Path) -> None:
            checkpoint.save(folder, config, averaged)
            self.vocabularies.save(folder)
            write_tensors(folder, own_weights(self.model), state.pack(self.model, self._update.optimizer))
            kept.write(folder)

        checkpoints.save(self.run, self.place.update, write, keep=self.recipe.keep)

    def _start(self, data: Mapping[str, str], resume: bool) -> list[str]:
        """Begin, or go on from the last checkpoint that is whole; returns, in words, what is damaged of later ones."""
        found = runs.checkpoints(self.run)
        if found and not resume:
            raise ValueError(f"{self.run} holds a run already; go on with it by --resume, or give another folder")
        last, damaged = runs.last(self.run)
        if found and last is None:
            raise ValueError(f"{self.run} has no checkpoint that is whole: {'; '.join(damaged)}")
        if last is None:
            self.run.mkdir(parents=True, exist_ok=True)
            return []
        kept = Kept.read(last)
        kept.check(self.recipe, data, last)
        config, _ = checkpoint.load(last)
        if config != self.model.config:
            raise ValueError(f"{last / checkpoint.CONFIG} is of another model; give its options, or another folder")
        if Vocabularies.load(last) != self.vocabularies:
            raise ValueError(f"{last} has other vocabularies; read them with Vocabularies.load, or give another folder")
        weights, optimizer = read_tensors(last)
        state.unpack(self.model, self._update.optimizer, optimizer)
        checkpoint.fill(self.model, weights, last)
        self._update.load_state_dict(kept.update)
        self.place = kept.place
        return damaged

    def _load(self, weights: Mapping[str, Tensor]) -> None:
        self.model.load_state_dict(dict(weights), strict=False)  # but for second names of tied weights, each is there
