"""A login on aiohttp with aiohttp-session's encrypted cookies, for a JSON API (`serve` starts this).

The storage is set up as the library's documentation shows, with its default settings: these are what is certified.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import secrets

from aiohttp import web
from aiohttp_session import get_session, new_session, setup
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.fernet import Fernet

routes = web.RouteTableDef()


def hashed(password: str, salt: bytes) -> bytes:
    return salt + hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def fresh(password: str) -> bytes:
    return hashed(password, secrets.token_bytes(16))


PASSWORDS = {name: fresh(os.environ[f"{name.upper()}_PASSWORD"]) for name in ("alice", "bob")}
NICKNAMES = dict.fromkeys(PASSWORDS, "")
NOBODY = fresh("a password that nobody has")


async def genuine(name: object, password: object) -> bool:
    # Unknown names cost a hash too, so that time does not tell which names exist.
    kept = PASSWORDS.get(name, NOBODY) if isinstance(name, str) else NOBODY
    tried = await asyncio.to_thread(hashed, str(password), kept[:16])
    return hmac.compare_digest(tried, kept) and kept is not NOBODY


async def user_of(request: web.Request) -> str:
    name = (await get_session(request)).get("user")
    if name is None:
        raise web.HTTPUnauthorized
    return name


@routes.post("/login")
async def login(request: web.Request) -> web.Response:
    data = await request.json()
    if not isinstance(data, dict) or not await genuine(data.get("username"), data.get("password")):
        raise web.HTTPUnauthorized
    session = await new_session(request)
    session["user"] = data["username"]
    return web.json_response({"name": data["username"]})


@routes.post("/logout")
async def logout(request: web.Request) -> web.Response:
    await user_of(request)
    (await get_session(request)).invalidate()
    return web.json_response({})


@routes.get("/me")
async def me(request: web.Request) -> web.Response:
    name = await user_of(request)
    return web.json_response({"name": name, "nickname": NICKNAMES[name]})


@routes.put("/me")
async def change(request: web.Request) -> web.Response:
    name = await user_of(request)
    NICKNAMES[name] = str((await request.json())["nickname"])
    return web.json_response({"nickname": NICKNAMES[name]})


@routes.put("/password")
async def password(request: web.Request) -> web.Response:
    name, data = await user_of(request), await request.json()
    if not await genuine(name, data["old_password"]):
        raise web.HTTPForbidden
    PASSWORDS[name] = await asyncio.to_thread(fresh, data["new_password"])
    return web.json_response({})


def make_app() -> web.Application:
    app = web.Application()
    setup(app, EncryptedCookieStorage(Fernet(os.environ["SHOP_SECRET_KEY"])))
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    web.run_app(make_app(), host="127.0.0.1", port=parser.parse_args().port, print=None, access_log=None)
