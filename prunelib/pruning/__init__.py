"""Saliency, criteria, and the prune-and-tune loop."""
