"""Frozen values shared by guard and scan. Standard library only; imports nothing of ours outside this package."""
