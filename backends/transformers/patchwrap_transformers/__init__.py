"""Depth models of the transformers library as patchwrap backends."""
