"""The map of compositions, its clusters and their representatives."""
