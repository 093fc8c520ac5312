"""How grave and how sure a finding is, where one rule knows several degrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.scan.run import scan_tree

HEAD = """import hashlib, hmac, os, random, secrets, time
import jwt
from flask import Flask, abort, request
app = Flask(__name__)
KEY = os.environ["API_KEY"]
SIGNING_KEY = os.environ["SIGNING_KEY"].encode()
"""
GIVEN = 'given = request.headers.get("X-API-Key", "")'
SIGNATURE = 'request.headers["X-Signature"]'
STAMP = 'request.headers["X-Timestamp"].encode()'


def signed(message: str) -> str:
    """A handler's body that verifies an HMAC of a message."""
    return f'if not hmac.compare_digest(hmac.new(SIGNING_KEY, {message}, "sha256").hexdigest(), {SIGNATURE}): abort(401)'


CASES = [
    ("partial-key-comparison", f"{GIVEN}\n    if not KEY.startswith(given): abort(401)", "critical", "high"),
    ("partial-key-comparison", f"{GIVEN}\n    if KEY[:len(given)] != given: abort(401)", "critical", "high"),
    ("partial-key-comparison", f"{GIVEN}\n    if KEY[:8] != given[:8]: abort(401)", "medium", "high"),
    ("partial-key-comparison", f"{GIVEN}\n    if not given.startswith(KEY): abort(401)", "medium", "high"),
    ("weak-key-generation", "api_key = str(random.getrandbits(256))", "high", "high"),
    ("weak-key-generation", "token = str(random.getrandbits(256))", "high", "medium"),
    ("weak-key-generation", "otp = random.randint(100000, 999999)", "medium", "high"),
    ("weak-key-generation", "api_key = secrets.token_hex(4)", "high", "high"),
    ("weak-key-generation", "api_key = secrets.token_hex(12)", "medium", "high"),
    ("weak-key-generation", "api_key = hashlib.sha256(request.user.email.encode()).hexdigest()", "high", "medium"),
    ("jwt-weak-secret", 'jwt.encode({}, "secret")', "critical", "high"),
    ("jwt-weak-secret", 'jwt.encode({}, os.getenv("JWT_SECRET", "secret"))', "critical", "medium"),
    ("jwt-weak-secret", 'jwt.encode({}, config.get("jwt_secret", "x7Kq2mVt9Lp4Rz8Nw3Ys"))', "medium", "medium"),
    ("jwt-weak-secret", 'jwt.encode({}, config.get("jwt_secret", "secret-for-tests"))', "critical", "low"),
    ("signature-not-bound", signed("request.full_path.encode()"), "high", "high"),
    ("signature-not-bound", signed(f"{STAMP} + request.get_data()"), "medium", "low"),
    ("signature-not-bound", signed(f"request.path.encode() + {STAMP} + request.get_data()"), "medium", "medium"),
    ("signature-not-bound", signed(f'b"".join([{STAMP}, request.path.encode(), request.get_data()])'), "medium", "medium"),
    ("missing-replay-protection", signed("request.get_data()"), "medium", "medium"),
    ("missing-replay-protection", signed(f'{STAMP} + b"." + request.get_data()'), "medium", "high"),
    ("missing-replay-protection", signed("request.get_data()").replace("X-Signature", "X-Hub-Signature-256"), "medium", "low"),
]


def test_a_secret_in_the_path_is_a_credential(tmp_path: Path) -> None:
    """A handler that looks something up by it may be meant so; one that ignores it answers anybody."""
    source = (
        '@app.get("/baskets/<secret>")\ndef a(secret):\n    return find(secret)\n\n\n'
        '@app.get("/<auth_token>/deals")\ndef b(auth_token):\n    return deals()\n'
    )
    (tmp_path / "service.py").write_text(f"{HEAD}\n\n{source}", encoding="utf-8")
    found = {f.route: f.confidence.value for f in scan_tree(tmp_path).findings if f.weakness == "missing-authentication"}
    assert found == {("GET", "/baskets/{secret}"): "low", ("GET", "/{auth_token}/deals"): "medium"}


@pytest.mark.parametrize(("weakness", "body", "severity", "confidence"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_degrees(weakness: str, body: str, severity: str, confidence: str, tmp_path: Path) -> None:
    """The severity and the confidence that the case deserves."""
    (tmp_path / "service.py").write_text(f'{HEAD}\n@app.post("/orders")\ndef order():\n    {body}\n    return {{}}\n', encoding="utf-8")
    found = [(f.severity.value, f.confidence.value) for f in scan_tree(tmp_path).findings if f.weakness == weakness]
    assert found == [(severity, confidence)]
