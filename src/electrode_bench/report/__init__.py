"""Figures and pages, from results only."""
