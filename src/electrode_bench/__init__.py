"""Composition-only models of battery electrodes, compared on evidence that can be traced."""

__version__ = "0.1.0"
