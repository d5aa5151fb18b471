"""The media stream's WebSocket as the server has it: messages in order, a disconnect among them.

Owns taking Quart's reader out of the way, and the last moments in which no call reads. quart-trio
reads in a task of its own, and cancels the handler on a disconnect: a `stop` that nobody waited for
at that moment is lost, and each frame of the caller changes hands once more. A call reads by
itself, so here the server's own `receive` is handed through. Must not know what a message means.
"""

from typing import Any, Final

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGIReceiveEvent, ASGISendCallable, ASGISendEvent
from quart.wrappers import Websocket
from quart_trio.asgi import TrioASGIWebsocketConnection

RECEIVE: Final = "callbridge.receive"
CLOSE_S_MAX: Final = 0.5


class UnreadConnection(TrioASGIWebsocketConnection):
    """Quart's connection, for `app.asgi_websocket_class`: routes, accepts, sends; never reads."""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Run the handler; it receives with `receiver_of`."""
        disconnected = False

        async def receive_for_handler() -> ASGIReceiveEvent:
            nonlocal disconnected
            event = await receive()
            if event["type"] == "websocket.disconnect":
                disconnected = True
                self._closed = True  # or Quart would say goodbye to nobody
            return event

        async def send_for_handler(event: ASGISendEvent) -> None:
            if event["type"] != "websocket.close":
                await send(event)
                return
            # Nobody reads any more when Quart closes, so a far end that is stuck goes unnoticed.
            with trio.move_on_after(CLOSE_S_MAX):
                await send(event)

        extensions: dict[str, Any] = {**(self.scope.get("extensions") or {})}
        extensions[RECEIVE] = receive_for_handler
        self.scope["extensions"] = extensions
        websocket = self._create_websocket_from_scope(send_for_handler)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.handle_websocket, nursery, websocket, send_for_handler)
        # The server puts what the far end still says into a queue of ten messages, and waits there
        # for ever when nobody takes them: it would not even see the connection end.
        with trio.move_on_after(CLOSE_S_MAX):
            while self._accepted and not disconnected:
                await receive_for_handler()


def receiver_of(websocket: Websocket) -> ASGIReceiveCallable:
    """The server's own `receive` of this WebSocket."""
    extensions: dict[str, Any] = websocket.scope["extensions"]
    receive: ASGIReceiveCallable = extensions[RECEIVE]
    return receive
