"""One password, nothing to run code with; every cookie setting that is not here has Jupyter's default."""

import os

from jupyter_server.auth import passwd

c = get_config()  # noqa: F821  (the loader of the configuration defines it)

c.PasswordIdentityProvider.hashed_password = passwd(os.environ["ALICE_PASSWORD"])

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.root_dir = os.environ["NOTEBOOKS"]
c.ServerApp.log_level = "ERROR"

# A known password must not be a shell on this machine: no terminals, and no kernel is installed.
c.ServerApp.terminals_enabled = False

# TLS ends in front of Jupyter: it may be asked under its public name, and browsers name the public origin.
c.ServerApp.local_hostnames = ["localhost", "notebook.example"]
c.ServerApp.allow_origin = "https://notebook.example"
