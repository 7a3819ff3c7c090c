"""Marigold, latent diffusion that predicts depth, as a patchwrap backend."""
