"""The operations of the diagrams, one file each: pure modules that import torch only.

Shapes everywhere: B batch, S source positions, T target steps, E embedding, H hidden, M memory (encoder), V vocabulary.
"""

from seq2seq_attn.nodes.energy import FeedforwardEnergy
from seq2seq_attn.nodes.output import FeedforwardOutput
from seq2seq_attn.nodes.rnn import GRUStep, LSTMStep
from seq2seq_attn.nodes.softmax import Softmax
from seq2seq_attn.nodes.state import LSTMState, State
from seq2seq_attn.nodes.weighted_sum import WeightedSum

__all__ = [
    "FeedforwardEnergy",
    "FeedforwardOutput",
    "GRUStep",
    "LSTMState",
    "LSTMStep",
    "Softmax",
    "State",
    "WeightedSum",
]
