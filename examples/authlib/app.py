"""An OAuth 2.0 authorization server on Authlib, put together as its documentation for Flask shows.

Authorization code with PKCE, refresh tokens, revocation, introspection; SQLAlchemy keeps everything. What the
documentation leaves to the application (the pages of login and consent, which client may do what) is as short as it
can be.
"""

import argparse
import os
import secrets
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.integrations.sqla_oauth2 import (
    OAuth2AuthorizationCodeMixin,
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_bearer_token_validator,
    create_query_client_func,
    create_revocation_endpoint,
    create_save_token_func,
)
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant as _AuthorizationCodeGrant
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant as _RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask, redirect, render_template_string, request, session
from flask_sqlalchemy import SQLAlchemy
from waitress import serve
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.config.update(
    SECRET_KEY=secrets.token_urlsafe(50),
    SQLALCHEMY_DATABASE_URI=f"sqlite:///{os.environ['SHOP_DATABASE']}",
    OAUTH2_REFRESH_TOKEN_GENERATOR=True,
)
db = SQLAlchemy(app)
METHODS = ("client_secret_basic", "client_secret_post", "none")


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(40), unique=True)
    password = db.Column(db.String(200))
    note = db.Column(db.String(200), default="")

    def get_user_id(self):
        return self.id


class OAuth2Client(db.Model, OAuth2ClientMixin):
    id = db.Column(db.Integer, primary_key=True)


class OAuth2AuthorizationCode(db.Model, OAuth2AuthorizationCodeMixin):
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, db.ForeignKey("user.id"))
    user = db.relationship("User")


class OAuth2Token(db.Model, OAuth2TokenMixin):
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, db.ForeignKey("user.id"))
    user = db.relationship("User")

    def is_refresh_token_active(self):
        return not self.is_revoked() and self.issued_at + self.expires_in * 2 >= time.time()


class AuthorizationCodeGrant(_AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def save_authorization_code(self, code, request):
        data = request.payload.data
        db.session.add(
            OAuth2AuthorizationCode(
                code=code,
                client_id=request.client.client_id,
                redirect_uri=request.payload.redirect_uri,
                scope=request.payload.scope,
                user_id=request.user.id,
                code_challenge=data.get("code_challenge"),
                code_challenge_method=data.get("code_challenge_method"),
            )
        )
        db.session.commit()

    def query_authorization_code(self, code, client):
        item = OAuth2AuthorizationCode.query.filter_by(code=code, client_id=client.client_id).first()
        return item if item and not item.is_expired() else None

    def delete_authorization_code(self, authorization_code):
        db.session.delete(authorization_code)
        db.session.commit()

    def authenticate_user(self, authorization_code):
        return db.session.get(User, authorization_code.user_id)


class RefreshTokenGrant(_RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        token = OAuth2Token.query.filter_by(refresh_token=refresh_token).first()
        return token if token and token.is_refresh_token_active() else None

    def authenticate_user(self, refresh_token):
        return db.session.get(User, refresh_token.user_id)

    def revoke_old_credential(self, refresh_token):
        refresh_token.access_token_revoked_at = refresh_token.refresh_token_revoked_at = int(time.time())
        db.session.commit()


class Introspection(IntrospectionEndpoint):
    def query_token(self, token, token_type_hint):
        found = OAuth2Token.query.filter_by(access_token=token).first()
        return found or OAuth2Token.query.filter_by(refresh_token=token).first()

    def introspect_token(self, token):
        return {
            "active": True,
            "client_id": token.client_id,
            "token_type": token.token_type,
            "username": token.user.username,
            "scope": token.get_scope(),
            "sub": str(token.user_id),
            "exp": token.issued_at + token.expires_in,
            "iat": token.issued_at,
        }

    def check_permission(self, token, client, request):
        return True


server = AuthorizationServer(
    app,
    query_client=create_query_client_func(db.session, OAuth2Client),
    save_token=create_save_token_func(db.session, OAuth2Token),
)
server.register_grant(AuthorizationCodeGrant, [CodeChallenge(required=True)])
server.register_grant(RefreshTokenGrant)
server.register_endpoint(create_revocation_endpoint(db.session, OAuth2Token))
server.register_endpoint(Introspection)
require_oauth = ResourceProtector()
require_oauth.register_token_validator(create_bearer_token_validator(db.session, OAuth2Token)())

LOGIN = """<form method="post">
<input name="username"><input name="password" type="password"><button>Log in</button></form>"""
CONSENT = """<p>{{ grant.client.client_name }} asks for {{ grant.request.payload.scope }}.</p>
<form method="post"><input type="checkbox" name="confirm"><button>Continue</button></form>"""


def current_user():
    return db.session.get(User, session["id"]) if "id" in session else None


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        user = User.query.filter_by(username=request.form.get("username")).first()
        if user and check_password_hash(user.password, request.form.get("password", "")):
            session["id"] = user.id
            return redirect("/")
    return render_template_string(LOGIN)


@app.route("/")
def home():
    user = current_user()
    return f"Hello {user.username}" if user else "Hello"


@app.route("/oauth/authorize", methods=["GET", "POST"])
def authorize():
    user = current_user()
    if not user:
        return redirect("/login")
    try:
        grant = server.get_consent_grant(end_user=user)
    except OAuth2Error as error:
        return server.handle_error_response(request, error)
    if request.method == "GET":
        return render_template_string(CONSENT, grant=grant)
    return server.create_authorization_response(grant_user=user if request.form.get("confirm") else None, grant=grant)


@app.route("/oauth/token", methods=["POST"])
def issue_token():
    return server.create_token_response()


@app.route("/oauth/revoke", methods=["POST"])
def revoke_token():
    return server.create_endpoint_response("revocation")


@app.route("/oauth/introspect", methods=["POST"])
def introspect_token():
    return server.create_endpoint_response("introspection")


@app.route("/api/me")
@require_oauth("profile")
def me():
    return {"id": current_token.user.id, "username": current_token.user.username}


@app.route("/api/note", methods=["GET", "POST"])
@require_oauth("note")
def note():
    user = current_token.user
    if request.method == "POST":
        user.note = request.get_json()["note"]
        db.session.commit()
    return {"note": user.note}


def seed():
    db.create_all()
    for name in ("alice", "bob"):
        word = generate_password_hash(os.environ[f"{name.upper()}_PASSWORD"])
        db.session.add(User(username=name, password=word))
    for id, secret in (("web", os.environ["WEB_SECRET"]), ("spa", "")):
        client = OAuth2Client(client_id=id, client_secret=secret, client_id_issued_at=int(time.time()))
        client.set_client_metadata(
            {
                "client_name": id,
                "grant_types": ["authorization_code", "refresh_token"],
                "redirect_uris": [f"https://{id}.example/callback"],
                "response_types": ["code"],
                "scope": "profile note",
                "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
            }
        )
        db.session.add(client)
    db.session.commit()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    with app.app_context():
        seed()
    serve(app, host="127.0.0.1", port=parser.parse_args().port, threads=8)
