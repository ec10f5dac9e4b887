"""Presets, a small file each: a known task by name, with how its files are read, or its data. They load no torch."""

from seq2seq_attn.presets.cipher import CIPHER
from seq2seq_attn.presets.g2p import G2P, G2P_STRESS
from seq2seq_attn.presets.preset import Corpora, Preset
from seq2seq_attn.presets.scan import SCAN
from seq2seq_attn.presets.sigmorphon import INFLECTION, PHONES

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (CIPHER, G2P, G2P_STRESS, SCAN, PHONES, INFLECTION)}

__all__ = ["PRESETS", "Corpora", "Preset"]
