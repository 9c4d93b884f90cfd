"""The published packages as models; each runs in an environment of its own."""
