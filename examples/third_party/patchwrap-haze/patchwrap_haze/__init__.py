"""Depth from haze, as a patchwrap backend."""
