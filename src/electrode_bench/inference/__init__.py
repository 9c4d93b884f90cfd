"""Predictions for new compositions from a fitted model."""
