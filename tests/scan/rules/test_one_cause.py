"""What two rules see of one mistake is one finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.scan.run import scan_tree

JWT = """
import jwt
from fastapi import FastAPI

app = FastAPI()
JWT_KEY = {key!r}


@app.post("/tokens")
def token():
    return jwt.encode({{"sub": "ada"}}, JWT_KEY, algorithm="HS256")
"""
LIMITER = """
from fastapi import FastAPI
from slowapi import Limiter
from slowapi.util import get_remote_address

app = FastAPI()
limiter = Limiter(key_func=get_remote_address)
app.state.limiter = limiter


@app.get("/orders")
def orders():
    return find_orders()
"""


def found(folder: Path, *weaknesses: str) -> list[tuple[str, str, int]]:
    return sorted((f.weakness, f.at.file, f.at.line) for f in scan_tree(folder).findings if f.weakness in weaknesses and f.at)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("secret", "jwt-weak-secret"),
        ("x7Kq2mVt9Lp4Rz8Nw3Ys", "hardcoded-secret"),
        ("kq7V2mZx9Lp4RtW8nBs3Yd6Hc1Jf5GaE0uQi", "hardcoded-secret"),
    ],
)
def test_a_signing_key_in_the_source(tmp_path, key, said):
    """One that can be guessed is a weak secret; one that cannot, if short, is a secret in the source and nothing else."""
    (tmp_path / "service.py").write_text(JWT.format(key=key))
    assert found(tmp_path, "jwt-weak-secret", "hardcoded-secret") == [(said, "service.py", 6)]


def test_a_limiter_that_nothing_applies(tmp_path):
    """The limiter is the finding; that its application has no limits follows from it."""
    (tmp_path / "service.py").write_text(LIMITER)
    assert found(tmp_path, "ineffective-rate-limit", "missing-rate-limit") == [("ineffective-rate-limit", "service.py", 7)]


def test_the_limiter_of_another_service(tmp_path):
    """An application elsewhere in the tree has no limiter, and that is said."""
    for name, text in (("shop", LIMITER), ("desk", LIMITER.replace("limiter", "nothing").replace("Limiter(", "print("))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "service.py").write_text(text)
    assert found(tmp_path, "ineffective-rate-limit", "missing-rate-limit") == [
        ("ineffective-rate-limit", "shop/service.py", 7),
        ("missing-rate-limit", "desk/service.py", 6),
    ]
