"""From a raw snapshot to the canonical table: sources, readers, chemistry, rules and the data card."""
