"""What TensorBoard shows of a training (extra ``tensorboard``): updates, dev scores, and where the model looks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.seq2seq import Seq2Seq
from seq2seq_attn.translate import Translation, Translator

FOLDER = "tensorboard"


class Board:
    """Event files in a folder of the run.

    Args:
        run: the run's folder.
        vocabularies: of the model that is trained.
        sources: texts whose attention is drawn at each evaluation.
        done: how many updates there were before; what was noted of later ones is no longer shown.

    Raises:
        ValueError: a package of the extra is missing.
        OSError: a folder that cannot be written.
    """

    def __init__(self, run: Path, vocabularies: Vocabularies, sources: Sequence[str], *, done: int = 0) -> None:
        try:
            import matplotlib  # noqa: F401
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise ValueError(f"{error.name} is missing: pip install 'seq2seq_attn[train,tensorboard]'") from None
        self.vocabularies, self.sources = vocabularies, sources
        self._writer = SummaryWriter(str(run / FOLDER), purge_step=done + 1)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def trained(self, update: int, numbers: Mapping[str, float]) -> None:
        """Note the numbers of an update; one that is not finite leaves a gap."""
        self._note("train", update, numbers)

    def evaluated(self, update: int, scores: Mapping[str, float], model: Seq2Seq) -> None:
        """Note the scores on the dev set after an update, and draw where the model looks as it decodes greedily."""
        self._note("dev", update, scores)
        for number, one in enumerate(Translator([model], [self.vocabularies], beam=1).translate(self.sources), start=1):
            if one.hypotheses[0].attn_weights.numel():
                self._draw(f"attention/{number}", update, one)

    def _draw(self, name: str, update: int, one: Translation) -> None:
        from matplotlib.image import imread

        from seq2seq_attn.plots import plot_attention

        best = one.hypotheses[0]
        with TemporaryDirectory() as folder:
            path = Path(folder, "attention.png")
            try:
                plot_attention(path, best.attn_weights, one.symbols, best.symbols)
            except ValueError as error:  # no font here has all the letters
                self._writer.add_text(name, str(error), update)
            else:
                self._writer.add_image(name, imread(path), update, dataformats="HWC")

    def _note(self, group: str, update: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            if math.isfinite(value):
                self._writer.add_scalar(f"{group}/{name}", value, update)
