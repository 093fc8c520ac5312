"""Tokens that say by their first characters whose they are: one table for what the scanner finds and what logs lose."""

from __future__ import annotations

# first three characters → (prefix, family, least length of the whole token)
FAMILIES: dict[str, tuple[tuple[str, str, int], ...]] = {
    "sk_": (("sk_live_", "Stripe secret key", 24),),
    "rk_": (("rk_live_", "Stripe restricted key", 24),),
    "AKI": (("AKIA", "AWS access key id", 20),),
    "ASI": (("ASIA", "AWS access key id", 20),),
    "ghp": (("ghp_", "GitHub token", 36),),
    "gho": (("gho_", "GitHub token", 36),),
    "ghu": (("ghu_", "GitHub token", 36),),
    "ghs": (("ghs_", "GitHub token", 36),),
    "ghr": (("ghr_", "GitHub token", 36),),
    "git": (("github_pat_", "GitHub token", 40),),
    "glp": (("glpat-", "GitLab token", 20),),
    "xox": (("xoxb-", "Slack token", 24), ("xoxp-", "Slack token", 24), ("xoxa-", "Slack token", 24), ("xoxs-", "Slack token", 24)),
    "xap": (("xapp-", "Slack app token", 24),),
    "AIz": (("AIza", "Google API key", 35),),
    "SG.": (("SG.", "SendGrid key", 50),),
    "sk-": (("sk-ant-", "Anthropic key", 40), ("sk-proj-", "OpenAI key", 40), ("sk-", "OpenAI key", 40)),
    "npm": (("npm_", "npm token", 36),),
    "pyp": (("pypi-", "PyPI token", 50),),
    "hf_": (("hf_", "Hugging Face token", 30),),
    "dop": (("dop_v1_", "DigitalOcean token", 60),),
    "shp": (("shpat_", "Shopify token", 32), ("shpss_", "Shopify secret", 32)),
    "whs": (("whsec_", "webhook secret", 24),),
    "sq0": (("sq0csp-", "Square secret", 30),),
    "PMA": (("PMAK-", "Postman key", 40),),
    "lin": (("lin_api_", "Linear key", 32),),
    "hvs": (("hvs.", "Vault token", 24),),
    "ost": (("ostt_", "one-time ticket", 60),),
    "eyJ": (("eyJ", "JSON Web Token", 60),),
}  # fmt: skip
SLACK_WEBHOOK = "https://hooks.slack.com/services/T"


def family(text: str) -> str | None:
    """The family of a token by its first characters and its length; None when no family claims it."""
    for prefix, name, least in FAMILIES.get(text[:3], ()):
        if len(text) >= least and text.startswith(prefix):
            return name
    return None
