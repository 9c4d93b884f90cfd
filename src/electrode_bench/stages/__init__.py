"""The pipeline's stages: each reads files, calls pure functions, and writes files. dvc.yaml runs them."""
