"""Hyperparameter studies with Optuna."""
