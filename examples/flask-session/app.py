"""A login with Flask-Login, forms with Flask-WTF, sessions on the server with Flask-Session (`serve` starts this)."""

import argparse
import logging
import os
import re
from dataclasses import dataclass

import waitress
from cachelib.file import FileSystemCache
from flask import Flask, redirect, render_template, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_session import Session
from flask_wtf import FlaskForm
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

app = Flask(__name__)
# No setting of the cookie or of the session's life is here: the defaults are what is certified.
app.config.update(
    SECRET_KEY=os.environ["SHOP_SECRET_KEY"],
    SESSION_TYPE="cachelib",
    # CacheLib keeps 500 entries and throws others away: the whole catalogue logs in more often than that.
    SESSION_CACHELIB=FileSystemCache(os.environ["SHOP_SESSIONS"], threshold=0),
)
Session(app)
login_manager = LoginManager(app)
login_manager.login_view = "login"


@dataclass
class User(UserMixin):
    """An account; Flask-Login keeps its `id` in the session."""

    id: str
    password_hash: str
    nickname: str = ""


USERS = {name: User(name, generate_password_hash(os.environ[f"{name.upper()}_PASSWORD"])) for name in ("alice", "bob")}


class LoginForm(FlaskForm):
    """Name and password."""

    username = StringField(validators=[InputRequired()])
    password = PasswordField(validators=[InputRequired()])


class ProfileForm(FlaskForm):
    """What the user may change about the account."""

    nickname = StringField()


class PasswordForm(FlaskForm):
    """The old password and the new one."""

    old_password = PasswordField(validators=[InputRequired()])
    new_password = PasswordField(validators=[InputRequired()])


@login_manager.user_loader
def load_user(user_id: str) -> User | None:
    return USERS.get(user_id)


@app.route("/login", methods=["GET", "POST"])
def login():
    form = LoginForm()
    if form.validate_on_submit():
        user = USERS.get(form.username.data)
        if user and check_password_hash(user.password_hash, form.password.data):
            login_user(user)
            return redirect(own_path(request.args.get("next")) or url_for("profile"))
        form.password.errors = ["Wrong user name or password."]
    return render_template("login.html", form=form)


def own_path(where: str | None) -> str | None:
    """`where` if it is a path of this site: Flask-Login leaves that to the application."""
    return where if where and re.fullmatch(r"/(?![/\\])[!-~]*", where) else None


@app.route("/profile", methods=["GET", "POST"])
@login_required
def profile():
    form = ProfileForm(obj=current_user)
    if form.validate_on_submit():
        current_user.nickname = form.nickname.data or ""
        return redirect(url_for("profile"))
    return render_template("profile.html", form=form)


@app.route("/password", methods=["GET", "POST"])
@login_required
def password():
    form = PasswordForm()
    if form.validate_on_submit():
        if check_password_hash(current_user.password_hash, form.old_password.data):
            current_user.password_hash = generate_password_hash(form.new_password.data)
            return redirect(url_for("profile"))
        form.old_password.errors = ["Not your password."]
    return render_template("password.html", form=form)


@app.route("/logout")
@login_required
def logout():
    logout_user()
    return redirect(url_for("login"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    waitress.serve(app, host="127.0.0.1", port=parser.parse_args().port, threads=8, ident=None)
