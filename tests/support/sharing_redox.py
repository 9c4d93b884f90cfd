"""The model of :mod:`support.sharing_model` with the full capacity among its features, which an ensemble needs."""

from __future__ import annotations

from dataclasses import replace

from support import sharing_model

SPEC = replace(sharing_model.SPEC, name="sharing_redox", title="Sharing, redox", feature_set="redox")
