"""The encoders, one file each: an embedded source sentence becomes hidden vectors, h_j, which the attention reads.

Shapes everywhere: B batch, S source positions, S' positions of h_j, E embedding, H hidden, M memory (size of h_j).
"""

from seq2seq_attn.encoders.convolution import ConvolutionalEncoder
from seq2seq_attn.encoders.encoder import Encoder
from seq2seq_attn.encoders.pyramid import PyramidEncoder
from seq2seq_attn.encoders.rnn import RNNEncoder
from seq2seq_attn.encoders.transformer import TransformerEncoder

__all__ = ["ConvolutionalEncoder", "Encoder", "PyramidEncoder", "RNNEncoder", "TransformerEncoder"]
