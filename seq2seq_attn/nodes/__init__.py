"""The operations of the diagrams, one file each: pure modules that import torch only.

Shapes everywhere: B batch, S source positions, T target steps, E embedding, H hidden, M memory (encoder), V vocabulary.
"""

from seq2seq_attn.nodes.coverage import Coverage, FertilityCoverage
from seq2seq_attn.nodes.embedding import Embedding
from seq2seq_attn.nodes.energy import ConcatEnergy, DotEnergy, FeedforwardEnergy, GeneralEnergy
from seq2seq_attn.nodes.hard import HardAttention
from seq2seq_attn.nodes.heads import MultiHeadEnergy, MultiHeadSum
from seq2seq_attn.nodes.layer import TanhLayer
from seq2seq_attn.nodes.layers import LayeredStep
from seq2seq_attn.nodes.location import LocationFeatures
from seq2seq_attn.nodes.monotonic import Monotonic
from seq2seq_attn.nodes.output import FeedforwardOutput, LinearOutput, MixtureOfSoftmaxes, TiedOutput
from seq2seq_attn.nodes.pairs import LinearEnergy
from seq2seq_attn.nodes.pointer import Copy, Gate
from seq2seq_attn.nodes.rnn import ElmanStep, GRUStep, LSTMStep
from seq2seq_attn.nodes.softmax import Softmax
from seq2seq_attn.nodes.sparsemax import Entmax15, Sparsemax
from seq2seq_attn.nodes.state import LayeredState, Layers, LSTMState, State
from seq2seq_attn.nodes.weighted_sum import WeightedSum
from seq2seq_attn.nodes.window import LocalWindow

__all__ = [
    "ConcatEnergy",
    "Copy",
    "Coverage",
    "DotEnergy",
    "ElmanStep",
    "Embedding",
    "Entmax15",
    "FeedforwardEnergy",
    "FeedforwardOutput",
    "FertilityCoverage",
    "GRUStep",
    "Gate",
    "GeneralEnergy",
    "HardAttention",
    "LSTMState",
    "LSTMStep",
    "LayeredState",
    "LayeredStep",
    "Layers",
    "LinearEnergy",
    "LinearOutput",
    "LocalWindow",
    "LocationFeatures",
    "MixtureOfSoftmaxes",
    "Monotonic",
    "MultiHeadEnergy",
    "MultiHeadSum",
    "Softmax",
    "Sparsemax",
    "State",
    "TanhLayer",
    "TiedOutput",
    "WeightedSum",
]
