"""FastAPI's documented login: a password form that gives a JWT, and a dependency that reads it (`serve` starts this).

The steps, routes, answers and the 30 minutes are the tutorial's ("OAuth2 with Password, Bearer with JWT tokens");
the accounts and the secret are this example's own.
"""

import argparse
import os
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pwdlib import PasswordHash
from pydantic import BaseModel

SECRET = os.environ["TOKEN_SECRET"]
ALGORITHM = "HS256"
LIFETIME = timedelta(minutes=30)

app = FastAPI()
bearer = OAuth2PasswordBearer(tokenUrl="token")
hashing = PasswordHash.recommended()
NOBODY = hashing.hash("a password that nobody has")


class User(BaseModel):
    """What the API tells of an account."""

    username: str
    email: str
    disabled: bool = False


class Account(User):
    """What the API keeps of an account."""

    hashed_password: str


class Token(BaseModel):
    """The answer of a login."""

    access_token: str
    token_type: str = "bearer"


ACCOUNTS = {
    name: Account(
        username=name,
        email=f"{name}@shop.example",
        hashed_password=hashing.hash(os.environ[f"{name.upper()}_PASSWORD"]),
    )
    for name in ("alice", "bob")
}


def authenticated(username: str, password: str) -> Account | None:
    account = ACCOUNTS.get(username)
    # Unknown names cost a hash too, so that time does not tell which names exist.
    genuine = hashing.verify(password, account.hashed_password if account else NOBODY)
    return account if genuine else None


def unauthorized(detail: str) -> HTTPException:
    return HTTPException(status.HTTP_401_UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


async def current_user(token: Annotated[str, Depends(bearer)]) -> Account:
    refusal = unauthorized("Could not validate credentials")
    try:
        name = jwt.decode(token, SECRET, algorithms=[ALGORITHM]).get("sub")
    except jwt.InvalidTokenError:
        raise refusal from None
    account = ACCOUNTS.get(name)
    if account is None:
        raise refusal
    return account


async def active_user(user: Annotated[Account, Depends(current_user)]) -> Account:
    if user.disabled:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "Inactive user")
    return user


@app.post("/token")
async def login(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token:
    account = authenticated(form.username, form.password)
    if account is None:
        raise unauthorized("Incorrect username or password")
    claims = {"sub": account.username, "exp": datetime.now(UTC) + LIFETIME}
    return Token(access_token=jwt.encode(claims, SECRET, algorithm=ALGORITHM))


@app.get("/users/me/", response_model=User)
async def me(user: Annotated[Account, Depends(active_user)]) -> Account:
    return user


@app.get("/users/me/items/")
async def items(user: Annotated[Account, Depends(active_user)]) -> list[dict[str, str]]:
    return [{"item": "harp", "owner": user.username}]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port, log_level="warning")
