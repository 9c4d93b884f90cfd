"""What the neural networks share: layers and training."""
