"""What people do with results: one module per command that is not a stage of the pipeline."""
