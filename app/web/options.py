"""OPTIONS: which methods a path has."""

from litestar import Litestar
from litestar.routes import HTTPRoute


def name_all_methods(app: Litestar) -> None:
    """Have OPTIONS name every method of a path, and none that only explains why it is refused.

    Litestar makes that answer when it meets the first handler of a path, and keeps it when more come.
    """
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            handlers = [handler for handler in route.route_handlers if not handler.opt.get("only_explains")]
            route.methods = {method for handler in handlers for method in handler.http_methods}
            answer = route.create_options_handler(route.path)
            answer.owner = app
            answer.on_registration(app)
            route.route_handler_map["OPTIONS"] = (answer, answer.create_kwargs_model(route.path_parameters))
