# SPDX-License-Identifier: Apache-2.0
"""The page's own port: static files, the platform's REST, the live events, the sessions.

Plain HTTP, on 127.0.0.1 only. The login is the operator's, by the platform's cookies (OAI-Secure);
a request that a foreign page makes a browser send lacks the XSRF token and has another Origin."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from aiohttp import WSCloseCode, web

from ..cloud import Cloud
from ..rest import USER, Handler, Rest
from . import libraries, session
from .snapshot import snapshot

STATIC = Path(__file__).parent / "static"
FILES = ("page.js", "dom.js", "endpoints.js", "sessions.js", "page.css")
STILL_HERE = 15  # seconds between signs of life on a quiet event stream
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
          "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
          "form-action 'none'")  # inline styles: xterm.js makes its own


class Page:
    """`with Page(cloud) as page: page.url`; the cloud must be running."""

    def __init__(self, cloud: Cloud, port: int = 0) -> None:
        self._cloud, self._hub, self.port = cloud, cloud.hub, port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changes: set[asyncio.Event] = set()  # one of each event stream
        self._stopping = False
        self._browsers: set[web.WebSocketResponse] = set()
        rest = Rest(self._hub, public=lambda path: path == "/" or path.startswith("/page/"))
        rest.app.middlewares.insert(0, self._same_origin)
        rest.app.on_response_prepare.append(_add_policy)
        rest.app.on_shutdown.append(self._end_streams)
        rest.app.router.add_routes([
            web.get("/", self._file("index.html")),
            *[web.get(f"/page/{name}", self._file(name)) for name in FILES],
            web.get("/page/xterm.js", self._xterm),
            web.get("/page/xterm.css", self._xterm_style),
            web.static("/page/novnc", libraries.NOVNC),
            web.get("/events", self._events),
            web.get("/session/{device}/{id}", self._session),
        ])
        self._runner = web.AppRunner(rest.app, access_log=None, shutdown_timeout=2)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> Page:
        missing = libraries.missing()
        if missing:
            raise RuntimeError(f"the page needs Debian's packages {', '.join(missing)}")
        self._cloud.run(self._listen())
        self._hub.watchers.append(self._changed)
        return self

    def stop(self) -> None:
        self._hub.watchers.remove(self._changed)
        self._cloud.run(self._runner.cleanup())

    def __enter__(self) -> Page:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def _end_streams(self, _: web.Application) -> None:
        self._stopping = True
        self._wake()
        await asyncio.gather(*(
            browser.close(code=WSCloseCode.GOING_AWAY, message=b"the cloud stops")
            for browser in self._browsers))

    # Who may ask ------------------------------------------------------------------------------

    @web.middleware
    async def _same_origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Another Host is a name that somebody made point here; another Origin is another page."""
        hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        origin = request.headers.get("Origin")
        upgrade = request.headers.get("Upgrade") is not None
        if request.host not in hosts:
            return web.Response(status=403, text="this page has another name\n")
        if (origin is not None or upgrade) and origin != f"http://{request.host}":
            return web.Response(status=403, text="asked by another page\n")
        return await handler(request)

    # Files ------------------------------------------------------------------------------------

    def _file(self, name: str) -> Handler:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})
        return answer

    async def _xterm(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text=libraries.xterm_module(), content_type="text/javascript")

    async def _xterm_style(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(libraries.XTERM_STYLE)

    # Live -------------------------------------------------------------------------------------

    def _changed(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for change in self._changes:
            change.set()

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the whole snapshot now, and after each change."""
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream",
                                             "Cache-Control": "no-store"})
        await stream.prepare(request)
        change = asyncio.Event()
        self._changes.add(change)
        try:
            while not self._stopping:
                change.clear()
                shown = json.dumps(snapshot(self._hub, request[USER]))
                await stream.write(f"data: {shown}\n\n".encode())
                while not change.is_set():
                    try:
                        await asyncio.wait_for(change.wait(), STILL_HERE)
                    except TimeoutError:
                        await stream.write(b": still here\n\n")
        except OSError:
            pass  # the browser has gone
        finally:
            self._changes.discard(change)
        return stream

    async def _session(self, request: web.Request) -> web.StreamResponse:
        device = self._hub.device_by_id(request.match_info["device"])
        configuration = device.configuration(request.match_info["id"]) if device else None
        if device is None or configuration is None:
            raise web.HTTPNotFound(reason="No such device or configuration")
        browser = session.new_browser()
        self._browsers.add(browser)
        try:
            await session.serve(request, browser, self._hub, device, configuration)
        finally:
            self._browsers.discard(browser)
        return browser


async def _add_policy(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.pop("WWW-Authenticate", None)  # the page asks, not a dialog of the browser
