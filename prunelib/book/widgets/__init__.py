"""Widgets that work live and in a stored page."""
