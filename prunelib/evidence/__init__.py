"""Records in, statistics and verdicts out."""
