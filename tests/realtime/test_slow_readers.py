"""Who reads slowly may; who reads nothing is cut off, and holds nobody up meanwhile."""

import json
import socket
import time
from contextlib import ExitStack

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from app.realtime import protocol
from app.realtime.protocol import ImpatientProtocol
from tests.makers import House, Program
from tests.realtime.listeners import listening

LARGE = [str(number) * 120 for number in range(10)]  # tags that make an event larger than a kilobyte
SMALL_BUFFER = 4096  # bytes that the operating system keeps for either side


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience is short, and the operating system keeps little on its own."""
    accept = ImpatientProtocol.connection_made

    def accept_narrowly(self: ImpatientProtocol, transport: object) -> None:
        accept(self, transport)  # type: ignore[arg-type]
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)

    monkeypatch.setattr(ImpatientProtocol, "connection_made", accept_narrowly)
    monkeypatch.setattr(protocol, "PATIENCE", 1.0)


class Deaf:
    """A program that subscribes to everything, and reads only when it is told to."""

    def __init__(self, house: House, key: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self._socket.connect(("127.0.0.1", house.port))
        self._talk = ClientProtocol(parse_uri(f"ws://127.0.0.1:{house.port}/api/v1/realtime"), max_size=None)
        request = self._talk.connect()
        request.headers["Authorization"] = f"Bearer {key}"
        self._talk.send_request(request)
        self._send()
        while self._talk.handshake_exc is None and self._talk.state.name == "CONNECTING":
            self._talk.receive_data(self._socket.recv(300))
        self._talk.send_text(json.dumps({"type": "subscribe"}).encode())
        self._send()

    def read(self, number: int) -> list[dict[str, str]]:
        """What comes in as many bytes."""
        self._talk.receive_data(self._socket.recv(number))
        frames = [event for event in self._talk.events_received() if isinstance(event, Frame)]
        return [json.loads(bytes(frame.data)) for frame in frames if frame.opcode == Opcode.TEXT]

    def is_cut(self, within: float) -> bool:
        """Whether the connection is reset, without a byte being read before."""
        self._socket.settimeout(within)
        try:
            while self._socket.recv(65536):
                pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()

    def _send(self) -> None:
        for data in self._talk.data_to_send():
            self._socket.sendall(data)


@pytest.mark.usefixtures("impatient")
def test_who_reads_nothing_is_cut_off(house: House, newcomer: Program) -> None:
    """Twenty read nothing. The one who reads hears everything at once, and soon nobody else is left."""
    assert newcomer.credential is not None
    with ExitStack() as stack, listening(house.url, newcomer.credential) as reader:
        reader.subscribe()
        deaf = [Deaf(house, newcomer.credential) for _ in range(20)]
        for one in deaf:
            stack.callback(one.close)
        time.sleep(0.3)  # until all have subscribed

        made = [newcomer.make_token(tags=LARGE).id for _ in range(150)]

        assert made == [event["token"] for event in reader.events(150)]
        ends = time.monotonic() + 10
        while len(house.app.state["live"].guests) > 1:
            assert time.monotonic() < ends
            time.sleep(0.1)
        assert all(one.is_cut(within=1) for one in deaf)


@pytest.mark.usefixtures("impatient")
def test_who_reads_slowly_hears_everything(house: House, newcomer: Program) -> None:
    """For longer than the server's patience there is always something unread, and always some progress."""
    assert newcomer.credential is not None
    slow = Deaf(house, newcomer.credential)
    time.sleep(0.3)
    made = [newcomer.make_token(tags=LARGE).id for _ in range(60)]

    heard: list[str] = []
    begun = time.monotonic()
    while len(heard) < len(made):
        heard += [said["token"] for said in slow.read(4096) if said["type"] == "event"]
        time.sleep(0.1)
    slow.close()

    assert made == heard
    assert time.monotonic() - begun > 2 * protocol.PATIENCE
