"""The published packages as models, each run in an environment of its own."""
