"""Architectures as data, and the networks built from them."""
