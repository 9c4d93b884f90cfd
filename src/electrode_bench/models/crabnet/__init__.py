"""CrabNet: attention over the elements of a composition."""
