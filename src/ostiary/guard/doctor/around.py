"""The app itself, its proxy, its scheme, its headers, its logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ostiary import redact
from ostiary.guard.checks import endings
from ostiary.guard.doctor.line import Line, Patient, ok, problem, warning

_PLATFORMS = {
    "KUBERNETES_SERVICE_HOST": "Kubernetes",
    "DYNO": "Heroku",
    "FLY_APP_NAME": "Fly.io",
    "K_SERVICE": "Cloud Run",
    "RENDER": "Render",
    "RAILWAY_ENVIRONMENT": "Railway",
    "WEBSITE_INSTANCE_ID": "Azure App Service",
    "AWS_LAMBDA_FUNCTION_NAME": "AWS Lambda",
}
_SHORTEST_SECRET = 16


def declarations(patient: Patient) -> Iterator[Line]:
    """What ``ostiary guard check`` would say, in a line each."""
    if patient.installed is None:
        yield warning("no app was named: only what stands around it is looked at", "ostiary doctor package.module:app")
        return
    declared, found = list(patient.installed.declared()), patient.installed.problems()
    for one in found:
        yield problem(f"{one.what}: {one.kind}" + (f" ({one.where})" if one.where else ""), one.hint)
    for text in endings(declared, patient.core.clock()):
        yield warning(text, "tell the clients: ostiary usage --key")
    if not found:
        yield ok(f"{len(declared)} routes, all declared")


def mode(patient: Patient) -> Iterator[Line]:
    if patient.core is None:
        return
    settings = patient.core.settings
    if settings.monitor:
        yield warning("monitor mode: nobody is refused", 'Guard(mode="enforce") when ostiary guard events --refused is quiet')
    if settings.environment == "development":
        yield warning("environment is development: HTTPS is not demanded", "OSTIARY_ENV=production, or no OSTIARY_ENV at all")


def framework(patient: Patient) -> Iterator[Line]:
    """Settings of the framework that take back what a guard gives."""
    if patient.app is None:
        return
    if getattr(patient.app, "debug", False) is True:
        yield problem("debug is on: an error shows the inside of the app to strangers, and in Flask a console", "debug=False")
    secret = getattr(patient.app, "secret_key", None)
    if isinstance(secret, (str, bytes)) and len(secret) < _SHORTEST_SECRET:
        yield problem("secret_key can be guessed: sessions can be forged", "secret_key=ostiary.secret('SECRET_KEY'), 32 random bytes")


def proxy(patient: Patient) -> Iterator[Line]:
    """Whose forwarding headers count, against what the environment shows of proxies and of the server."""
    allowed = patient.environ.get("FORWARDED_ALLOW_IPS", "")
    if "*" in allowed.replace(" ", "").split(","):
        yield problem(
            "FORWARDED_ALLOW_IPS=*: the server believes the address and scheme that any caller writes",
            "unset it and write Guard(proxies=1), or the network of the proxy",
        )
    if patient.core is None:
        return
    trust = patient.core.settings.trust
    if not trust.nobody:
        yield from _trusting(trust, allowed)
        return
    platform = next((name for variable, name in _PLATFORMS.items() if variable in patient.environ), "")
    if platform and not allowed:
        yield problem(
            f"{platform} puts a proxy in front, and no forwarding header counts: every caller has the proxy's address, and limits by address are everybody's",
            "Guard(proxies=1), or the number of proxies in front",
        )
    else:
        yield ok("no forwarding header counts: right when clients connect straight to this server")


def _trusting(trust: Any, allowed: str) -> Iterator[Line]:
    if allowed:
        yield warning(
            "server and guard both read forwarding headers: the guard counts hops in what the server has already rewritten",
            "unset FORWARDED_ALLOW_IPS (uvicorn: --no-proxy-headers) and leave it to Guard(proxies=…)",
        )
    header = "Forwarded" if trust.standard else "X-Forwarded-*"
    if trust.networks is not None:
        yield ok(f"{header} counts from {', '.join(trust.networks.texts)}")
    else:
        hops = "1 proxy" if trust.hops == 1 else f"{trust.hops} proxies"
        yield ok(f"{header} counts from {hops}, whoever connects: nobody but the proxy may reach this port")


def scheme(patient: Patient) -> Iterator[Line]:
    """Does a key travel encrypted?"""
    if patient.core is None:
        return
    settings = patient.core.settings
    if settings.transport.mode == "off":
        development = settings.environment == "development"
        said = "HTTPS is not demanded: keys may travel in clear"
        yield warning(said) if development else problem(said, 'Guard(https="required"), and proxies=1 behind a proxy that ends TLS')
    elif settings.transport.mode == "proxy" and settings.trust.nobody:
        yield problem('https="proxy", and no proxy is trusted: every call over the proxy is refused', "Guard(proxies=1)")
    else:
        yield ok("HTTPS is demanded")
    if settings.transport.hosts is None:
        yield warning("any Host header is served: what builds links from it can be led astray", 'Guard(hosts=["api.example.com"])')


def headers(patient: Patient) -> Iterator[Line]:
    if patient.core is None:
        return
    transport = patient.core.settings.transport
    if not transport.headers:
        yield warning("security headers are off, no-store on authenticated answers among them", "Guard(security_headers=True)")
    elif not transport.hsts and transport.mode != "off":
        yield warning("no HSTS: a first call over HTTP can be caught", "Guard(hsts=31536000), unless the proxy sends it")
    else:
        yield ok("security headers, HSTS over HTTPS, no-store; cookies are made Secure, HttpOnly and SameSite")


def cors(patient: Patient) -> Iterator[Line]:
    if patient.installed is None:
        return
    rules = {one.compiled.cors for one in patient.installed.declared() if one.compiled.cors is not None}
    everybody = [one for one in rules if one.origins is None]
    if everybody:
        yield warning("pages of every origin may read answers", 'cors("https://app.example.com") names those that have to')
    elif rules:
        named = sorted({origin for one in rules for origin in one.origins})
        yield ok(f"pages of {', '.join(named)} may read answers")
    else:
        yield ok("no page of another origin may read answers")


def logs(patient: Patient) -> Iterator[Line]:
    """Is what is logged cleaned of credentials?"""
    if patient.core is None:
        return
    bare = [name for name in ("", "uvicorn.access", "gunicorn.error") if not redact.covers(name)]
    if bare:
        yield problem("log records are not cleaned: keys in them are readable", "Guard(redact_logs=True), or ostiary.redact.install()")
    else:
        yield ok("credentials are kept out of the log")
