"""Wirings written by hand, each with the name of its picture in diagrams/, one line an operation."""

from seq2seq_attn.wiring import Wiring
from seq2seq_attn.wirings.appendix import Appendix
from seq2seq_attn.wirings.bahdanau import Bahdanau
from seq2seq_attn.wirings.conditional_gru import ConditionalGRU
from seq2seq_attn.wirings.coverage import Coverage
from seq2seq_attn.wirings.groundhog import Groundhog
from seq2seq_attn.wirings.location_aware import LocationAware
from seq2seq_attn.wirings.luong import Luong
from seq2seq_attn.wirings.luong_input_feeding import LuongInputFeeding
from seq2seq_attn.wirings.monotonic import Monotonic
from seq2seq_attn.wirings.multihead import Multihead
from seq2seq_attn.wirings.no_attention import NoAttention
from seq2seq_attn.wirings.pointer_generator import PointerGenerator

WIRINGS: dict[str, type[Wiring]] = {
    wiring.diagram: wiring
    for wiring in (
        Appendix,
        Bahdanau,
        ConditionalGRU,
        Coverage,
        Groundhog,
        LocationAware,
        Luong,
        LuongInputFeeding,
        Monotonic,
        Multihead,
        NoAttention,
        PointerGenerator,
    )
}

__all__ = [
    "WIRINGS",
    "Appendix",
    "Bahdanau",
    "ConditionalGRU",
    "Coverage",
    "Groundhog",
    "LocationAware",
    "Luong",
    "LuongInputFeeding",
    "Monotonic",
    "Multihead",
    "NoAttention",
    "PointerGenerator",
]
