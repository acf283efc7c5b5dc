"""How Flask reads parameters of a path."""

from werkzeug.routing import BaseConverter


class Rest(BaseConverter):
    """All that is left of a path, whatever it is made of: an id may hold slashes and line ends."""

    part_isolating = False
    regex = "(?s:.+)"
