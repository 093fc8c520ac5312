"""Words by which public routes are known: what they are called, what they call."""

from __future__ import annotations

from ostiary.scan.lazy import Pattern

LOGIN = Pattern(
    r"log_?-?[io]n(?!g)|sign_?-?[io]n|(^|[/_-])(auth|token|tokens|session|sessions|authenticate|access[-_]token|sso|ldap|saml|jwt|otp|2fa|mfa|magic)([/_-]|$)|get_token|obtain"
)
REGISTER = Pattern(r"register|registration|sign_?-?up|create_?-?account|onboard|(^|/)setup(/|$)|enrol")
RESET = Pattern(
    r"(reset|forgot|forgotten|recover|lost|new|confirm)[-_/]*(the[-_])?pass|pass\w*[-_/]*(reset|recover|forgot|forget|lost)|(^|[/_-])(reset|forgot|recover|recovery)([/_-]|$)|"
    r"(^|[/_-])(confirm|activate|activation|verify|verification|unsubscribe|invite|invitation|accept[-_]invite|reactivate)([/_-]|$)|verify[-_]?e?mail|confirm[-_]?e?mail"
)
LOGOUT = Pattern(r"(log|sign)[-_]?(out|off)")
HEALTH = Pattern(
    r"^(health|healthz|healthcheck|health[-_]check|ping|pong|version|ready|readyz|readiness|live|livez|liveness|alive|status|heartbeat|up|_health|is[-_]?alive|\.?status\.json)$"
)
DOCS = Pattern(
    r"^(docs?|redoc|swagger|swagger-?ui|openapi(\.json|\.ya?ml)?|swagger\.json|apispec(\.json)?|api-docs|api-doc|rapidoc|scalar)$"
)
OAUTH = Pattern(r"oauth|oidc|openid|\bsso\b|saml|callback|authorize|google|github|facebook|microsoft|azure|gitlab|discord|apple")
WEBHOOK = Pattern(r"web_?-?hook|(^|[/_-])hooks?([/_-]|$)|ipn|callback|events?$|stripe|github|slack")

CHECKS = Pattern(
    r"^(check_password(_hash)?|checkpw|verify_password|verify_and_update(_password)?|validate_password|check_passwd|authenticate(_user)?|login_user|bind_user|simple_bind_s|password_matches|is_correct_password|compare_password|do_login|log_in|sign_in|auth_\w*user)$"
)
ISSUES = Pattern(
    r"(create|generate|make|issue|encode|get|new|sign|build)_?(\w*_)?(access|auth|refresh|jwt|bearer|session|id)?_?(token|jwt|session)s?(_response|_pair|_jwt)?$|^(login_user|set_access_cookies|set_cookie|encode|encode_auth_token|token_response)$"
)
MAKES = Pattern(
    r"^(add|save|create\w*|insert\w*|register\w*|sign_?up\w*|set_password|hash_password|generate_password_hash|hashpw|new_user|validate_on_submit|persist|store)$"
)
RESETS = Pattern(
    r"(send|validate|verify|check|decode|load|consume|confirm|generate|get|unserialize|create|reset|set|hash|update|find|mark)\w*(password|token|reset|email|mail|pin|code|otp|activation|invite|invitation|confirm)\w*$|^(loads|unsign|set_password|hash_password|sendmail|send_mail|send_email|validate_on_submit|compare_digest)$"
)
LEAVES = Pattern(
    r"^(logout_user|logout\w*|clear|pop|delete_cookie|unset_\w*cookies|revoke\w*|expire\w*|sign_out|blacklist\w*|clear_user_session|remove_session|delete_session|forget)$"
)
DATA = Pattern(
    r"^(query|filter|filter_by|select|all|scalars|scalar|get_or_404|first_or_404|find|find_one|find_all|fetchall|fetchone|aggregate|delete|commit|add|update|insert|save|paginate|create_all|drop_all|environ|getenv|system|popen|Popen|remove)$"
)
PAGES = frozenset(
    (
        *(
            "render_template",
            "render_template_string",
            "TemplateResponse",
            "HTMLResponse",
            "send_file",
            "send_from_directory",
            "FileResponse",
            "send_static_file",
        ),
        *(
            "redirect",
            "RedirectResponse",
            "url_for",
            "make_response",
            "get_swagger_ui_html",
            "get_redoc_html",
            "get_swagger_ui_oauth2_redirect_html",
        ),
    )
)
HELPERS = frozenset(("url_for", "join", "dirname", "_", "gettext", "Path", "get_flashed_messages", "format", "abspath", "str", "safe_join"))
OAUTH_CALLS = Pattern(
    r"^(authorize_redirect|authorize_access_token|fetch_token|fetch_access_token|authorization_url|create_authorization_url|get_authorization_url|get_access_token|exchange_code\w*|get_authorize_url|authorized_response|parse_id_token|process_response|prepare_for_authenticate|parse_authn_request_response|callback|make_google_blueprint|authorize|get_login_redirect|verify_and_process|create_authorization_response|authorized)$"
)
SIGNATURES = Pattern(
    r"^(compare_digest|construct_event|verify_signature|verify_webhook\w*|check_signature|validate_signature|is_valid_signature|verify_header|verify_slack\w*|is_valid_request|verify_hmac|verify_request_signature|\w*verify\w*signature\w*)$"
)
SIGNATURE = Pattern(r"^(mac|hmac|sig|sign|signature|digest|checksum)$")
SENT = Pattern(
    r"^(token|code|pin|otp|e?mail|email_address|username|user_?name|login|phone|identifier|data|key|uid|uidb64|hash)$|_(token|code|pin|otp|email)$|^reset_\w+"
)
PASSWORD = Pattern(r"passw(or)?d|^pwd$|passcode|^pin$|\botp\b|form_data|credentials")
LISTS = Pattern(r"^(paginate|fetchall)$")
