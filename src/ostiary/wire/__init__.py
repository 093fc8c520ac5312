"""Protocol arithmetic: bytes or text in, bytes or text out. Standard library only; no clock, no network, no files but secrets'."""
