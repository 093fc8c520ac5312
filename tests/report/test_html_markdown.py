"""The Markdown of a weakness page, as the HTML report draws it."""

from __future__ import annotations

import re

import pytest

from ostiary import weaknesses
from ostiary.report.html_markdown import markdown
from tests.report.html_page import Page

MARKDOWN: dict[str, tuple[str, str]] = {
    "paragraphs": ("a\nb\n\nc", "<p>a\nb</p><p>c</p>"),
    "code": ("`a<b` and ``a`b``", "<p><code>a&lt;b</code> and <code>a`b</code></p>"),
    "fence": ("x\n```python\nif a < b:\n\n    `c`\n```\ny", "<p>x</p><pre><code>if a &lt; b:\n\n    `c`</code></pre><p>y</p>"),
    "open fence": ("```\na", "<pre><code>a</code></pre>"),
    "list": ("say:\n- a\n  b\n- `c`", "<p>say:</p><ul><li>a\nb</li><li><code>c</code></li></ul>"),
    "numbers": ("1. a\n2. **b** *c*", "<ol><li>a</li><li><strong>b</strong> <em>c</em></li></ol>"),
    "link": ("[a](https://b.c/d?e=1&f)", '<p><a href="https://b.c/d?e=1&amp;f" rel="noopener noreferrer">a</a></p>'),
    "bare link": ("see https://b.c/d.", '<p>see <a href="https://b.c/d" rel="noopener noreferrer">https://b.c/d</a>.</p>'),
    "other link": ("[a](javascript:b) [c](http://d)", "<p>a c</p>"),
    "quote in link": ('[a](https://b"onclick="c)', '<p><a href="https://b&quot;onclick=&quot;c" rel="noopener noreferrer">a</a></p>'),
    "html": ("<b onclick=x>a</b>", "<p>&lt;b onclick=x&gt;a&lt;/b&gt;</p>"),
    "no emphasis": ("a * b * c, 2*3*4, snake_case_name", "<p>a * b * c, 2*3*4, snake_case_name</p>"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("source", "html"), MARKDOWN.values(), ids=MARKDOWN)
def test_markdown_of_a_page(source: str, html: str) -> None:
    """Paragraphs, code, lists, emphasis, links to https; all else is text."""
    assert markdown(source) == html


def test_every_page_of_the_catalogue_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No section of a real page leaves a fence, a list mark or an asterisk pair in its prose, and its code is all there."""
    monkeypatch.undo()
    for name in weaknesses.all_ids():
        found = weaknesses.get(name)
        for source in (found.why, found.attack, *found.fixes.values()):
            html = markdown(source)
            drawn = Page(html)
            assert (drawn.wrong, drawn.open) == ([], [])
            prose = re.sub(r"(?s)<code>.*?</code>", "", html)
            assert re.search(r"```|\*\*|^- |^\d+\. |\]\(", prose, re.MULTILINE) is None, name
            blocks = re.findall(r"(?ms)^```\w*\n(.*?)\n```$", source)
            assert all(block in "".join(drawn.words) for block in blocks), name
