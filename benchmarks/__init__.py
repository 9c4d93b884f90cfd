"""Benchmarks, and scripts that make tables and figures of the documents. No stage of the pipeline runs them.

``python -m benchmarks`` measures what things cost on this machine (``make bench``). The scripts beside this module are
run by their file names; each says in its first lines what it makes.
"""
