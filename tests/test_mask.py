from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from seq2seq_attn.mask import check_symbols, length_mask, rows_by_step

CPU = torch.device("cpu")


def test_a_length_is_the_number_of_real_positions_on_the_left() -> None:
    assert length_mask(torch.tensor([2, 5, 1]), 7).tolist() == [[k < n for k in range(7)] for n in (2, 5, 1)]


@pytest.mark.parametrize(
    ("lengths", "size", "error", "message"),
    [
        ([2, 0], 3, ValueError, "length 0 of row 1 is not within 1 and 3, the padded length"),
        ([2, 5], 3, ValueError, "length 5 of row 1 is not within 1 and 3, the padded length"),
        ([-1], 3, ValueError, "length -1 of row 0 is not within 1 and 3"),
        ([[2]], 3, ValueError, "lengths are (1, 1); give one for each row, (B,)"),
        ([], 3, TypeError, "lengths are torch.float32; give whole numbers"),
        ([2.0], 3, TypeError, "lengths are torch.float32; give whole numbers"),
        ([True], 3, TypeError, "lengths are torch.bool; give whole numbers"),
    ],
)
def test_bad_lengths_are_refused(lengths: Any, size: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        length_mask(torch.tensor(lengths), size)


@pytest.mark.parametrize(
    ("mask", "rows"),
    [
        ([[1, 1, 1], [1, 1, 0], [1, 0, 0]], [3, 2, 1]),
        ([[1, 1, 0], [1, 1, 0], [1, 0, 0]], [3, 2, 0]),
        ([[1, 1, 1], [1, 1, 1]], []),  # nothing is padding
        ([[1, 0, 0], [1, 1, 1]], []),
        ([[1, 1, 1], [1, 0, 1]], []),
        ([[1, 0, 1], [1, 0, 0]], []),
    ],
)
def test_the_rows_of_a_step_are_the_first_ones_of_the_longest_first(mask: list[list[int]], rows: list[int]) -> None:
    assert rows_by_step(torch.tensor(mask).bool()) == rows


def test_symbols_with_their_mask_pass() -> None:
    check_symbols("source", torch.tensor([[4, 0]]), torch.tensor([[True, False]]), 5, CPU)


REAL = torch.ones(2, 3, dtype=torch.bool)
SYMBOLS = torch.zeros(2, 3, dtype=torch.int64)


@pytest.mark.parametrize(
    ("symbols", "mask", "error", "message"),
    [
        ([[1]], REAL, TypeError, "source is a list; give a tensor of torch.int64, symbols from 0 to 4"),
        (SYMBOLS.float(), REAL, TypeError, "source is torch.float32; give a tensor of torch.int64"),
        (SYMBOLS.int(), REAL, TypeError, "source is torch.int32; give a tensor of torch.int64"),
        (SYMBOLS, REAL.long(), TypeError, "source_mask is torch.int64; give a tensor of torch.bool, True = real"),
        (SYMBOLS, None, TypeError, "source_mask is a NoneType"),
        (SYMBOLS[0], REAL, ValueError, "source is (3,); give (rows, positions), at least one of each"),
        (SYMBOLS[:, :0], REAL, ValueError, "source is (2, 0); give (rows, positions)"),
        (SYMBOLS, REAL[:1], ValueError, "source_mask is (1, 3); source is (2, 3), and so must it be"),
        (SYMBOLS, REAL[:, :2], ValueError, "source_mask is (2, 2); source is (2, 3)"),
        (
            torch.tensor([[0, 1, 2], [0, 5, 0]]),
            REAL,
            ValueError,
            "source[1, 1] is 5; the vocabulary has the symbols 0 to 4",
        ),
        (torch.tensor([[0, -1, 2], [0, 1, 0]]), REAL, ValueError, "source[0, 1] is -1; the vocabulary has"),
        (SYMBOLS, torch.tensor([[True] * 3, [False] * 3]), ValueError, "source_mask has no real position in row 1"),
        (
            SYMBOLS,
            torch.tensor([[True] * 3, [False, True, True]]),
            ValueError,
            "padding before a real position in row 1",
        ),
        (SYMBOLS.to("meta"), REAL, ValueError, "source is on meta, the model on cpu; move it with .to('cpu')"),
        (SYMBOLS, REAL.to("meta"), ValueError, "source_mask is on meta, the model on cpu"),
    ],
)
def test_bad_symbols_are_refused(symbols: Any, mask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        check_symbols("source", symbols, mask, 5, CPU)


def test_lengths_in_a_list_are_refused() -> None:
    with pytest.raises(TypeError, match="lengths is a list; give a tensor of whole numbers"):
        length_mask([1, 2])  # type: ignore[arg-type]
