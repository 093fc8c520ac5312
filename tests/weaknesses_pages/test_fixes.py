"""What a page recommends is not what its rule reports."""

from __future__ import annotations

import re

import pytest

from ostiary import weaknesses
from ostiary.scan.run import scan_tree

FIXES = [(page, framework) for page in weaknesses.all_ids() for framework in weaknesses.get(page).fixes]


@pytest.mark.parametrize(("page", "framework"), FIXES, ids=[f"{page}/{framework}" for page, framework in FIXES])
def test_the_fix_closes_the_finding(page, framework, tmp_path):
    """The examples of a fix, scanned, show neither the weakness they are for nor one that it explains or is explained by."""
    family = {page, *weaknesses.get(page).subsumes} | {other for other in weaknesses.all_ids() if page in weaknesses.get(other).subsumes}
    _, *examples = re.findall(r"```python\n(.*?)\n```", weaknesses.get(page).fixes[framework], re.DOTALL)
    for number, example in enumerate(examples):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "shop.py").write_text(example + "\n", encoding="utf-8")
        found = [f"{finding.weakness}: {finding.message}" for finding in scan_tree(folder).findings if finding.weakness in family]
        assert found == []
