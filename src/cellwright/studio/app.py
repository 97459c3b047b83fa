"""The server's addresses. Each one calls a function of the modules beside this one."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp

from cellwright.studio import classes_app, openapi, people_openapi, views
from cellwright.studio.agreement_app import agreement_routes
from cellwright.studio.desk import Desk
from cellwright.studio.guard import task_token
from cellwright.studio.http import route, serve_page
from cellwright.studio.image_app import image_routes
from cellwright.studio.people_app import people_routes
from cellwright.studio.tasks_app import task_routes
from cellwright.studio.training_app import training_routes

OPERATIONS = openapi.OPERATIONS | people_openapi.OPERATIONS
"""All that the server can be asked, described for programs."""


def make_app(desk: Desk, token: str, port: int, names: Sequence[str] = ()) -> ASGIApp:
    """Return the application that serves a project.

    Parameters
    ----------
    desk : Desk
        The project.
    token : str
        What requests for data must carry.
    port : int
        Where it will listen.
    names : sequence of str
        What other computers may call this one, where it is shared.
    """
    project = route("/api/project", lambda fields: views.project(desk, desk.asks(fields.person)))
    document = openapi.document(OPERATIONS, "annotate")
    description = route(openapi.ADDRESS, lambda fields: document)
    others = [*training_routes(desk), *classes_app.class_routes(desk)]
    together = [
        *(*people_routes(desk, shared=bool(names)), *agreement_routes(desk)),
        *task_routes(desk, task_token(token)),
    ]
    routes = [project, *image_routes(desk), *together, *others, description]
    return serve_page("index.html", routes, token, port, names)
