"""The neural networks in PyTorch and how they are trained.

Imported only where a network is fitted or applied: loading torch takes seconds.
"""
