"""MODNet: a feed-forward network on selected features."""
