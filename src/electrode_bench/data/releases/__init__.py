"""Two releases of the data side by side: where each comes from, which electrodes are the same, and what changed."""
