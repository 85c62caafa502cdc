"""A login with Quart-Auth as its documentation shows it, for a JSON API (`serve` starts this).

No setting of the cookie or of its life is here: the defaults are what is certified.
"""

import argparse
import asyncio
import os

from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, request
from quart_auth import AuthUser, QuartAuth, current_user, login_required, login_user, logout_user
from werkzeug.security import check_password_hash, generate_password_hash

app = Quart(__name__)
app.secret_key = os.environ["SHOP_SECRET_KEY"]
QuartAuth(app)

PASSWORDS = {name: generate_password_hash(os.environ[f"{name.upper()}_PASSWORD"]) for name in ("alice", "bob")}
NICKNAMES = dict.fromkeys(PASSWORDS, "")
NOBODY = generate_password_hash("a password that nobody has")


async def genuine(name: object, password: object) -> bool:
    # Unknown names cost a hash too, so that time does not tell which names exist.
    kept = PASSWORDS.get(name, NOBODY) if isinstance(name, str) else NOBODY
    matches = await asyncio.to_thread(check_password_hash, kept, str(password))
    return matches and kept is not NOBODY


@app.post("/login")
async def login():
    data = await request.get_json()
    if not isinstance(data, dict) or not await genuine(data.get("username"), data.get("password")):
        return {"error": "wrong user name or password"}, 401
    login_user(AuthUser(data["username"]))
    return {"name": data["username"]}


@app.post("/logout")
@login_required
async def logout():
    logout_user()
    return {}


@app.get("/me")
@login_required
async def me():
    return {"name": current_user.auth_id, "nickname": NICKNAMES[current_user.auth_id]}


@app.put("/me")
@login_required
async def change():
    data = await request.get_json()
    NICKNAMES[current_user.auth_id] = str(data["nickname"])
    return {"nickname": NICKNAMES[current_user.auth_id]}


@app.put("/password")
@login_required
async def password():
    data = await request.get_json()
    if not await genuine(current_user.auth_id, data["old_password"]):
        return {"error": "wrong password"}, 403
    PASSWORDS[current_user.auth_id] = await asyncio.to_thread(generate_password_hash, data["new_password"])
    return {}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    config = Config()
    config.bind = [f"127.0.0.1:{parser.parse_args().port}"]
    asyncio.run(serve(app, config))
