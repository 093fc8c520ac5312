"""No rule raises, whatever it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.scan.run import scan_tree

ODD = {
    "empty blocks": "import flask\ntry:\n    verify_token(t)\nexcept Exception:\n    pass\nif not API_KEY:\n    pass\n",
    "empty calls": "import flask\nlogger.info()\nprint()\nrun()\njwt.decode()\nCORS()\nadd_middleware()\nhmac.compare_digest()\nos.getenv()\nconfig()\n",
    "stars": "import flask\nlogger.info(*a, **b)\njwt.decode(*a, **b)\nCORS(*a, **b)\napp.run(*a, **b)\nHTTPException(*a, **b)\nDepends(*a)\n",
    "own names": "import flask\ntoken = token\nkey = key.strip() or key\ndef f(token=token):\n    token = token[token]\n    print(token)\n    return token == token\n",
    "cycles": "import flask\ndef f(a):\n    b = a\n    a = b\n    b = a\n    password = b\n    print(password, a, b)\n    return request.args['key'] == password\n",
    "odd keys": "import flask\nCONFIG = {**x, None: 1, 'password': {'password': []}, f'{y}': 'z' * 20}\nconfig[1] = 'a' * 40\nconfig[:] = b''\n",
    "lambdas": "import flask\nSECRET_KEY = lambda: 'x'\napp.errorhandler(500)(lambda: 1)\nprint(lambda password: password)\n",
    "handlers": "import flask\napp = flask.Flask('a')\n@app.errorhandler(Exception)\ndef f(): ...\n@app.errorhandler()\ndef g(*e): return str(e)\n",
    "dependencies": "from fastapi import *\napp = FastAPI()\n@app.get('/')\ndef f(a: 'x' = Header(), *b, c: Annotated = Depends(), d: x | y = Query(alias=1)):\n    return a\n",
    "deep": "import flask\nx = " + "(" * 80 + "password" + ")" * 80 + "\nprint(" + "not " * 200 + "password)\n",
}


@pytest.mark.parametrize("source", ODD.values(), ids=ODD.keys())
def test_odd_code_breaks_no_rule(source: str, tmp_path: Path) -> None:
    """Nothing of it ends in a skipped rule."""
    (tmp_path / "service.py").write_text(source, encoding="utf-8")
    assert not [item for item in scan_tree(tmp_path).skipped if "defect" in item.why]
