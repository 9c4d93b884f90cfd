"""Runs, studies and registered models in MLflow."""
