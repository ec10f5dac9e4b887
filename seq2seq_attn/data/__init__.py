"""Texts on disk become numbers: symbols of a text, their vocabularies, a corpus of pairs, and batches of it."""
