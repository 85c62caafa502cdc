"""Where things usually stand, and what they are usually called: data for data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from posixpath import commonprefix

LOGIN_PAGES = (
    "/login", "/accounts/login/", "/signin", "/sign-in", "/users/sign_in", "/auth/login", "/account/login",
    "/user/login", "/login/", "/admin/login/", "/api/auth/signin",
)  # fmt: skip
LOGIN_ACTS = (
    "/login", "/api/login", "/api/auth/login", "/auth/login", "/api/v1/login", "/api/v1/auth/login", "/token",
    "/api/token/", "/auth/token", "/api/users/login", "/signin", "/session", "/api/session", "/sessions",
    "/users/login", "/user/login", "/api/auth/sign-in/email", "/api/auth/signin", "/auth/sign_in", "/api/auth/local",
    "/api/login_check", "/api/v1/login/access-token", "/auth", "/api/auth", "/auth/signin", "/authenticate",
    "/api/authenticate", "/authentication", "/api/signin", "/users/signin", "/users/authenticate", "/api/token",
    "/api/auth/token", "/token/auth", "/auth/token/login/", "/auth/jwt/create/", "/api-token-auth/", "/api/tokens",
    "/dj-rest-auth/login/", "/rest-auth/login/",
)  # fmt: skip
IDENTITIES = (
    "/me", "/api/me", "/users/me", "/users/me/", "/api/users/me", "/auth/me", "/api/auth/me", "/api/user", "/whoami",
    "/profile", "/accounts/profile/", "/account", "/api/v1/me", "/userinfo", "/user", "/api/profile", "/session",
    "/api/session", "/api/whoami", "/api/auth/get-session", "/api/v1/users/me", "/auth/profile", "/api/auth/session",
    "/api/auth/user", "/auth/user", "/users/profile", "/api/users/profile", "/", "/protected", "/api/protected",
    "/dashboard", "/home", "/hello", "/api/hello", "/secret", "/welcome",
)  # fmt: skip
IDENTITIES_BESIDE = ("me", "user", "users/me", "profile")
"""Names of such routes, looked for in the folder of the login and in the one above it."""
LOGOUTS = (
    "/logout", "/api/logout", "/auth/logout", "/api/auth/logout", "/accounts/logout/", "/signout", "/api/v1/logout",
    "/api/auth/sign-out", "/api/auth/signout", "/auth/signout", "/users/logout", "/user/logout", "/auth/sign_out",
    "/api/token/blacklist/", "/auth/token/logout/", "/auth/jwt/logout", "/token/remove",
)  # fmt: skip
RESOURCES = frozenset({"session", "sessions", "token", "tokens"})
"""What is made by a login as a resource, and ended by DELETE."""
LOGOUTS_BESIDE = ("logout", "signout", "sign_out")
REFRESHES = (
    "/refresh", "/auth/refresh", "/api/refresh", "/api/auth/refresh", "/token/refresh", "/api/token/refresh/", "/token",
    "/refresh-token", "/auth/refresh-token", "/auth/refresh-tokens", "/api/auth/refresh-token",
    "/api/auth/refreshtoken",
)  # fmt: skip
REFRESHES_BESIDE = ("refresh", "token/refresh")
CSRF_PLACES = ("/csrf", "/csrf-token", "/api/csrf", "/api/csrf-token", "/auth/csrf", "/api/auth/csrf",
               "/sanctum/csrf-cookie")  # fmt: skip
PASSWORD_PAGES = ("/password", "/accounts/password_change/", "/account/password", "/settings/password",
                  "/change-password")  # fmt: skip
OPENAPI_PLACES = (
    "/openapi.json", "/api/openapi.json", "/swagger.json", "/v3/api-docs", "/api/schema/?format=json",
    "/swagger/v1/swagger.json",
)  # fmt: skip
METADATA_PLACES = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")

USER_FIELDS = ("username", "user", "email", "login", "name", "identifier", "user_name", "userName")
PASSWORD_FIELDS = ("password", "pass", "passwd", "pwd")
ACCESS_NAMES = ("access_token", "accessToken", "access", "token", "jwt", "auth_token", "authToken", "key")
SCHEME = re.compile(r"(Bearer|JWT|Token) (?=[!-~]+$)", re.IGNORECASE)
"""A token that its answer writes with the scheme under which it travels."""
TOKEN_HEADERS = ("authorization", "x-auth-token", "x-access-token")
"""Headers of an answer in which some targets hand a token out."""
CARRIERS = ("Authorization: Token {access}", "Authorization: JWT {access}", "x-access-token: {access}",
            "x-auth-token: {access}", "Authorization: {access}")  # fmt: skip
"""Ways beside Bearer in which tokens travel."""
FURTHER_MEMBERS = {"/authentication": {"strategy": "local"}}
"""What some routes want beside a name and a password."""
REFRESH_NAMES = ("refresh_token", "refreshToken", "refresh")
NAME_MEMBERS = ("username", "user_name", "userName", "login", "preferred_username", "name", "email", "user", "sub",
                "id", "uid", "user_id", "userId", "uuid")  # fmt: skip
CSRF_HEADERS = ("X-CSRF-Token", "X-CSRFToken", "X-XSRF-TOKEN")

LOGIN = re.compile(
    r"log[-_ ]?in|sign[-_ ]?in|/auth\b|/token\b|/sessions?\b"
    r"|anmeld|einlogg|connexion|connecter|iniciar[-_ ]?sesi|acceder|entrar|accedi|inlog|aanmeld|logga[-_ ]?in|zalog",
    re.IGNORECASE,
)
LOGOUT = re.compile(
    r"log[-_ ]?out|log[-_ ]?off|sign[-_ ]?out"
    r"|abmeld|auslogg|d[eé]connexion|d[eé]connecter|cerrar[-_ ]?sesi|desconect|disconnett|terminar[-_ ]?sess|uitlog"
    r"|afmeld|logga[-_ ]?ut|wylog",
    re.IGNORECASE,
)
"""English, and what pages of German, French, Spanish, Italian, Portuguese, Dutch, Swedish and Polish say."""
MAIL = re.compile(r"newsletter|subscri|abonn|suscri|nieuwsbrief", re.IGNORECASE)
"""What one may sign off from beside a session."""
SECOND_FACTOR = re.compile(r"otp|2fa|mfa|factor|verif|passcode|\bcode\b|\bpin\b", re.IGNORECASE)
"""Fields and pages of a second factor."""
CAPTCHA = re.compile(r"captcha|turnstile", re.IGNORECASE)
ONE_LOGOUT = re.compile(r"all|every|other", re.IGNORECASE)
"""Words of a logout that ends more than the own session."""
IDENTITY = re.compile(r"(/me|/whoami|/profile|/userinfo|/user|/account|/current[-_]?user|/session)/?$", re.IGNORECASE)
PASSWORD_CHANGE = re.compile(r"passw", re.IGNORECASE)
REFRESH = re.compile(r"refresh|renew", re.IGNORECASE)
HANDS_OFF = re.compile(
    r"regist|sign[-_ ]?up|join|reset|forgot|recover|delet|remov|destroy|deactivat|disabl|unsubscri|create|invite"
    r"|inscri|l[oö]sch|loesch|k[uü]ndig|konto[-_ ]?anleg|erstell|zur[uü]cksetz|vergess|oubli|supprim|olvid|elimin"
    r"|borrar|cancella|verwijder|vergeten",
    re.IGNORECASE,
)
"""Acts and pages that discovery never touches."""
CSRF = re.compile(r"csrf|xsrf|authenticity", re.IGNORECASE)


def nearest(paths: Iterable[str], known: str) -> list[str]:
    """These paths, those first that share the most folders with one that is known: what belongs together stands so."""
    folders = known.split("?")[0].split("/")[:-1]

    def shared(path: str) -> int:
        return len(commonprefix([folders, path.split("/")[:-1]]))

    return sorted(paths, key=shared, reverse=True)


def around(names: Iterable[str], known: str) -> list[str]:
    """Paths by these names in the folder of a known one and in the one above, with its slash at the end or without."""
    path = known.split("?")[0]
    end = "/" if path.endswith("/") else ""
    folders = path.rstrip("/").split("/")[1:-1]
    places = dict.fromkeys(("/".join(["", *folders]), "/".join(["", *folders[:-1]])))
    return [f"{place}/{name}{end}" for place in places for name in names]
