"""Data sets, protocols and the trainer."""
