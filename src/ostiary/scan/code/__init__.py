"""Reads source without importing or executing it: walk, index (ir, convert), link (interp, frameworks), gates, sites."""
