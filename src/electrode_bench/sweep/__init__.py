"""Tuning with Optuna: a study tries configurations of one model on inner folds of one training part.

``setting`` says what a study is, ``storage`` where it is kept, ``trial`` how a worker scores a configuration,
``driver`` how trials are handed out, and ``studies`` what has come of it.
"""
