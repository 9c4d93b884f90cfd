"""Neural networks: ensemble layers, target scaling and training that all models with a network share."""
