"""Fits: the folds of a run, their cache, and where they are computed."""
