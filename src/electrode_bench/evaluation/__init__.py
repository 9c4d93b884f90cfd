"""Metrics, scores and statistical tests, computed from predictions."""
