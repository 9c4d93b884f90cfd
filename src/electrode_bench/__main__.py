"""Lets ``python -m electrode_bench`` do what ``electrode-bench`` does."""

from electrode_bench.cli import main

if __name__ == "__main__":
    main()
