"""Looks at an API from outside and inside and says what is wrong. ``run.py`` tells the journey."""
