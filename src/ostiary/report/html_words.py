"""The words of the HTML report for what the model calls by one name."""

from __future__ import annotations

from ostiary.model.finding import Exposure
from ostiary.model.route import State

# In the order in which they matter.
STATES = {State.OPEN: "open", State.UNKNOWN: "cannot tell", State.PUBLIC: "public on purpose", State.PROTECTED: "protected"}
MEANINGS = {
    State.OPEN: "nothing verifies who calls, and nobody wrote down that this is meant",
    State.UNKNOWN: "the reader could not follow what happens before the handler, and says why",
    State.PUBLIC: "anybody may call it, and somebody or its behaviour says that this is meant",
    State.PROTECTED: "a caller's credential is verified before the handler's work is done",
}
EXPOSURES = {
    Exposure.ANONYMOUS: "anybody can reach it",
    Exposure.AUTHENTICATED: "whoever is signed in can reach it",
    Exposure.PRIVILEGED: "only privileged callers can reach it",
    Exposure.UNREACHED: "no route leads there",
}
STANDARDS = {"asvs": "OWASP ASVS", "pci": "PCI DSS", "soc2": "SOC 2"}
FRAMEWORKS = {"flask": "Flask", "fastapi": "FastAPI"}
