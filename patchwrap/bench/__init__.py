"""Compare backends, plans, fusers and heads on the same images by the same protocol."""
