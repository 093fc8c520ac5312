"""Protocol arithmetic: bytes or text in, bytes or text out. No clock, no network, no files but secrets'.

Standard library only, except that tokens and pairs of keys load their library when they are used.
"""
