"""How old a signature may be, and for how long its nonce has to be remembered. Unix seconds everywhere."""

from __future__ import annotations

from ostiary.errors import BadSignature, SignatureReason

WINDOW = 300
SKEW = 30


def staleness(
    created: int, now: float, *, expires: int | None = None, window: float = WINDOW, skew: float = SKEW
) -> SignatureReason | None:
    """Why a signature of this time does not count now; None when it does.

    It counts from ``created - skew`` (the sender's clock may be ahead) to ``created + window``, both included, and before
    ``expires``.
    """
    if now < created - skew:
        return SignatureReason.FUTURE
    if expires is not None and now >= expires:
        return SignatureReason.EXPIRED
    return SignatureReason.STALE if now > created + window else None


def check_fresh(created: int, now: float, *, expires: int | None = None, window: float = WINDOW, skew: float = SKEW) -> None:
    """Raises BadSignature with what ``staleness`` says."""
    reason = staleness(created, now, expires=expires, window=window, skew=skew)
    if reason is not None:
        raise BadSignature(reason, f"signed {now - created:+.0f} seconds ago; {window:.0f} are allowed, {skew:.0f} ahead")


def remember_until(created: int, *, window: float = WINDOW, skew: float = SKEW) -> float:
    """Until when a nonce must be remembered, so that no clock that is late by ``skew`` takes the signature a second time."""
    return created + window + skew
