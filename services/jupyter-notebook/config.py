"""Jupyter's configuration for a session of Berth.

Read by the classic Notebook (NotebookApp) and by Notebook 7 and all else that stands on Jupyter Server (ServerApp).
What a session has of its own comes in the environment, so that no name a user chose is ever parsed as code.
"""

import os
import pathlib
import socket
import sys

config = get_config()  # noqa: F821  (traitlets puts it here)

# A user's own settings count, but for those below. Jupyter passes them over when it is given a file, as here.
for name in ("jupyter_notebook_config.py", "jupyter_server_config.py"):
    try:
        load_subconfig(name, path=os.path.join(os.path.expanduser("~"), ".jupyter"))  # noqa: F821
    except Exception as error:  # whatever a file of somebody's may raise: what follows here must count
        print(f"passed over ~/.jupyter/{name}: {error!r}", file=sys.stderr)

settings = {
    "ip": "127.0.0.1",
    "port": int(os.environ["BERTH_JUPYTER_PORT"]),
    # On another port nobody would find it.
    "port_retries": 0,
    "sock": os.environ["BERTH_JUPYTER_SOCKET"],
    "sock_mode": "0600",
    "base_url": os.environ["BERTH_JUPYTER_BASE"] + "/",
    "open_browser": False,
    "allow_root": True,
    # The Host header is the edge's. Jupyter compares it to the Origin, which stays as it is.
    "allow_remote_access": True,
    "trust_xheaders": True,
    # Ended from the console: a server that somebody ended from its own page would leave everybody else puzzled.
    "quit_button": False,
    # Between here and the edge there is no certificate, also when the user has one for servers of their own.
    "certfile": "",
    "keyfile": "",
    "password": "",
    "token": "",
}
try:
    import notebook

    is_classic = int(notebook.__version__.split(".")[0]) < 7
except ImportError:
    is_classic = False

if settings["sock"]:
    if is_classic:
        from notebook.notebookapp import NotebookApp as Application
    else:
        from jupyter_server.serverapp import ServerApp as Application
    if not hasattr(Application, "sock"):
        sys.exit("This Jupyter cannot listen on a unix socket. Install notebook 6.1 or newer, or Jupyter Server.")

for app in (config.NotebookApp, config.ServerApp):
    # Newer servers take over what older ones were told, so that a user's word would come back by the other name.
    for name in (*settings, "notebook_dir", "root_dir"):
        app.pop(name, None)
# Jupyter takes either of them.
for name in ("ip", "port", "port_retries") if settings["sock"] else ("sock", "sock_mode"):
    del settings[name]
folder = os.environ["BERTH_JUPYTER_FOLDER"]
if is_classic:
    config.NotebookApp.update(settings, notebook_dir=folder)
else:
    # Identities are below; there is no button.
    for name in ("password", "token", "quit_button"):
        del settings[name]
    config.ServerApp.update(settings, root_dir=folder)
    config.IdentityProvider.token = ""
    config.PasswordIdentityProvider.hashed_password = ""
    # JupyterLab asks every user whether it may fetch news, and looks for new versions of itself.
    config.LabApp.news_url = None
    config.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"


def peer_owner(connection):
    """The user id at the other end of a socket over IPv4 loopback, from /proc/net/tcp; None when it is not known.

    Every local user of a shared host can reach a port on loopback, and a token would stand in the session's address.
    """

    def endpoint(address):
        host, port = address
        return "%08X:%04X" % (int.from_bytes(socket.inet_aton(host), sys.byteorder), port)

    theirs, ours = endpoint(connection.getpeername()), endpoint(connection.getsockname())
    # A table read while it changes may miss a line.
    for _ in range(3):
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines():
            _, local, remote, state, *rest = line.split()
            # Of a connection that is no longer whole the kernel may show 0, whoever it was.
            if (local, remote) == (theirs, ours) and (state == "01" or rest[3] != "0"):
                return int(rest[3])
    return None


def is_own(handler):
    """True when a request comes from a process of the same user, or of root: in effect from Berth."""
    if os.environ["BERTH_JUPYTER_SOCKET"] or not sys.platform.startswith("linux"):
        # A socket's own mode keeps others out.
        return True
    connection = handler.request.connection
    # A WebSocket's handler has taken the stream from its connection.
    stream = getattr(connection, "stream", None) or handler.ws_connection.stream
    if not hasattr(stream, "berth_is_own"):
        stream.berth_is_own = peer_owner(stream.socket) in (0, os.getuid())
    return stream.berth_is_own


if is_classic:
    from notebook.auth.login import LoginHandler
    from tornado import web

    class OwnerLogin(LoginHandler):
        """Knows a user by the connection; there is nothing to type."""

        @classmethod
        def get_user(cls, handler):
            # The name of those who need not log in: the page has no button to log out then.
            return "anonymous" if is_own(handler) else None

        @classmethod
        def get_login_available(cls, settings):
            return False

        @classmethod
        def validate_security(cls, app, ssl_options=None):
            pass

        def get(self):
            raise web.HTTPError(403, "this server is another user's")

        post = get

    config.NotebookApp.login_handler_class = OwnerLogin
else:
    from jupyter_server.auth.identity import IdentityProvider, User

    class OwnerIdentity(IdentityProvider):
        """Knows a user by the connection; there is nothing to type."""

        def get_user(self, handler):
            if not is_own(handler):
                return None
            name = os.environ.get("USER", "user")
            return User(username=name, name=name)

        def validate_security(self, app, ssl_options=None):
            pass

    config.ServerApp.identity_provider_class = OwnerIdentity
