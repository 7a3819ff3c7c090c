"""The parts of a small latent-diffusion depth model and of its training; see ``train_marigold.py``."""
