"""Who a program is: by its Authorization header, or by its first message when it cannot set one."""

from litestar.datastructures import Headers

from ..access.authentication import Authentication
from ..access.principals import ApiKey, PublicAccess
from ..web.problems import Problem
from .conversations import Principal, Refused, tokens_named_in
from .lines import Line
from .messages import Auth, NotUnderstood, read

AUTH_WITHIN = 5.0  # seconds


async def headers_of(line: Line, headers: Headers) -> list[str]:
    """The Authorization headers of a program, or what stands for them in its first message. Raises Refused."""
    given = headers.getall("authorization", [])
    if given:
        return given
    text = await line.hear_within(AUTH_WITHIN)
    if text is None:
        raise Refused("unauthorized", f"Nobody said within {AUTH_WITHIN:g} s who is asking.")
    try:
        message = read(text)
    except NotUnderstood as error:
        raise Refused("unauthorized", f'The first message must be {{"type":"auth","token":…}}: {error}') from error
    if not isinstance(message, Auth):
        raise Refused("unauthorized", 'The first message must be {"type":"auth","token":…}.')
    return [f"Bearer {message.token}"]


async def listener_of(authentication: Authentication, headers: list[str]) -> Principal:
    """Who is asking, if they may listen. Raises Refused."""
    try:
        principal = await authentication.recognise(headers)
    except Problem as problem:
        raise Refused(problem.code, problem.error) from problem
    if not _may_listen(principal):
        raise Refused("insufficient_scope", "Listening needs an API key that may read, or a token with a read: scope.")
    return principal


async def is_welcome(authentication: Authentication, headers: list[str]) -> bool:
    """Whether they would be let in again."""
    try:
        await listener_of(authentication, headers)
    except Refused:
        return False
    return True


def name_of(principal: Principal) -> str:
    """Whose sockets are counted together."""
    if isinstance(principal, ApiKey):
        return f"key:{principal.id}"
    return f"public:{principal.environment_id}:{principal.id or principal.scopes}"


def _may_listen(principal: Principal) -> bool:
    if isinstance(principal, PublicAccess):
        return principal.may_read_everything or bool(tokens_named_in(principal))
    return principal.may("read")
