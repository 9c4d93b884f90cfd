"""The neural networks in PyTorch and how they are trained. Imported only when one is fitted: loading torch takes seconds."""
