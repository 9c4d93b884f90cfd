"""How much one request may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes and times that a request may not exceed.

    Attributes
    ----------
    formulas : candidates of one request.
    bytes : size of a request's body. A file in it is encoded as base64, which makes it a third larger.
    unpacked : size (bytes) of what an Excel file unpacks to.
    waiting : requests that wait for the model.
    results : results that are kept for download.
    arriving : seconds in which a request's body must arrive.
    seconds : seconds that an answer of the served model may take.
    connections : open connections; further ones are refused.
    """

    formulas: int = 5_000
    bytes: int = 8_000_000
    unpacked: int = 100_000_000
    waiting: int = 8
    results: int = 16
    arriving: float = 30.0
    seconds: float = 60.0
    connections: int = 100
