"""A local web page for people who do not use a terminal: paste formulas or drop a file, see answers, download tables.

``service`` holds the model and does the work in a thread of its own, ``jobs`` keeps what is being done and was done,
``server`` says which address answers what, ``security`` which requests are answered at all, and ``run`` starts it.
"""
