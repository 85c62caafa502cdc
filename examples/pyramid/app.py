"""A login on Pyramid, with the security policy and the login views of its wiki tutorial (`serve` starts this).

No setting of a cookie or of a ticket is here: the defaults are what is certified.
"""

import argparse
import hmac
import logging
import os
from dataclasses import dataclass

import bcrypt
import waitress
from pyramid.authentication import AuthTktCookieHelper
from pyramid.config import Configurator
from pyramid.csrf import CookieCSRFStoragePolicy, new_csrf_token
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import RequestLocalCache
from pyramid.security import Allowed, Denied, forget, remember
from pyramid.view import forbidden_view_config, view_config


@dataclass
class User:
    """An account; the ticket carries its `id`."""

    id: int
    name: str
    password_hash: bytes = b""
    nickname: str = ""

    def set_password(self, password: str) -> None:
        self.password_hash = bcrypt.hashpw(password.encode(), bcrypt.gensalt())

    def check_password(self, password: str) -> bool:
        return hmac.compare_digest(bcrypt.hashpw(password.encode(), self.password_hash), self.password_hash)


USERS = {number: User(number, name) for number, name in enumerate(("alice", "bob"), 1)}
for account in USERS.values():
    account.set_password(os.environ[f"{account.name.upper()}_PASSWORD"])


class SecurityPolicy:
    """The tutorial's policy around the helper of the ticket; whoever is signed in may do everything."""

    def __init__(self, secret):
        self.authtkt = AuthTktCookieHelper(secret)
        self.identity_cache = RequestLocalCache(self.load_identity)

    def load_identity(self, request):
        identity = self.authtkt.identify(request)
        return identity and USERS.get(identity["userid"])

    def identity(self, request):
        return self.identity_cache.get_or_create(request)

    def authenticated_userid(self, request):
        user = self.identity(request)
        return user and user.id

    def permits(self, request, context, permission):
        return Denied("not signed in") if self.identity(request) is None else Allowed("signed in")

    def remember(self, request, userid, **kw):
        return self.authtkt.remember(request, userid, **kw)

    def forget(self, request, **kw):
        return self.authtkt.forget(request, **kw)


@view_config(route_name="login", renderer="templates/login.jinja2")
def login(request):
    next_url = request.params.get("next", request.referrer) or request.route_url("profile")
    message = ""
    if request.method == "POST":
        user = next((one for one in USERS.values() if one.name == request.params["login"]), None)
        if user is not None and user.check_password(request.params["password"]):
            new_csrf_token(request)
            return HTTPSeeOther(location=next_url, headers=remember(request, user.id))
        message = "Failed login"
        request.response.status = 400
    return {"message": message, "next_url": next_url}


@view_config(route_name="logout")
def logout(request):
    headers = []
    if request.method == "POST":
        new_csrf_token(request)
        headers = forget(request)
    return HTTPSeeOther(location=request.route_url("login"), headers=headers)


@forbidden_view_config()
def forbidden(request):
    return HTTPSeeOther(location=request.route_url("login", _query={"next": request.url}))


@view_config(route_name="profile", permission="use", renderer="templates/profile.jinja2")
def profile(request):
    if request.method == "POST":
        request.identity.nickname = request.params["nickname"]
        return HTTPSeeOther(location=request.route_url("profile"))
    return {}


@view_config(route_name="password", permission="use", renderer="templates/password.jinja2")
def password(request):
    if request.method == "GET":
        return {"message": ""}
    if not request.identity.check_password(request.params["old_password"]):
        request.response.status = 400
        return {"message": "Not your password"}
    request.identity.set_password(request.params["new_password"])
    return HTTPSeeOther(location=request.route_url("profile"))


def make_app():
    with Configurator() as config:
        config.include("pyramid_jinja2")
        config.set_csrf_storage_policy(CookieCSRFStoragePolicy())
        config.set_default_csrf_options(require_csrf=True)
        config.set_security_policy(SecurityPolicy(os.environ["SHOP_SECRET_KEY"]))
        for name in ("login", "logout", "profile", "password"):
            config.add_route(name, f"/{name}")
        config.scan()
        return config.make_wsgi_app()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    waitress.serve(make_app(), host="127.0.0.1", port=parser.parse_args().port, threads=8, ident=None)
