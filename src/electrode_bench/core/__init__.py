"""What every part of the package shares: table columns, folds, results, files, digests and seeds."""
