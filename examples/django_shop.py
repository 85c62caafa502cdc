"""Prepare a fresh database and serve the Django project `shop` of this folder in the foreground.

The `serve` of each Django example starts this, in its own folder and environment.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

import django
import waitress
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    # The project is in the folder that this was started in, beside nothing of ours.
    sys.path[0] = str(Path.cwd())
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    create_accounts()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    waitress.serve(get_wsgi_application(), host="127.0.0.1", port=port, threads=8, ident=None)


def create_accounts() -> None:
    from django.contrib.auth import get_user_model

    for name in ("alice", "bob"):
        password = os.environ[f"{name.upper()}_PASSWORD"]
        get_user_model().objects.create_user(name, f"{name}@shop.example", password)


if __name__ == "__main__":
    main()
