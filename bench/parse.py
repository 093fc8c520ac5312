"""The yardstick: reads every .py file below a folder, then parses them all, and prints the CPU seconds of the parsing alone.

``python bench/parse.py PATH`` prints: seconds, files, bytes, files that do not parse.
"""

from __future__ import annotations

import ast
import sys
import time
import warnings
from pathlib import Path


def main(root: Path) -> None:
    found = [root] if root.is_file() else sorted(root.rglob("*.py"))
    sources = [path.read_bytes() for path in found if path.is_file() and not path.is_symlink()]
    warnings.simplefilter("ignore")  # the invalid escapes of others
    broken = 0
    started = time.process_time()
    for source in sources:
        try:
            ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            broken += 1
    seconds = time.process_time() - started
    print(seconds, len(sources), sum(map(len, sources)), broken)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
