"""Chromium without a window, told what to do through its DevTools pipe; no further library."""

import base64
import itertools
import json
import os
import select
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_S = 150  # drawing a large page without a graphics card took 62 s on a busy machine
VIRTUAL = {"Tab": 9, "Enter": 13, "Escape": 27}
"""What Chromium goes by where a key does something of its own, such as moving the focus."""
MODIFIERS = {"alt": 1, "ctrl": 2, "shift": 8}
HOLD = """(() => {
  const real = window.fetch;
  window.heldBack = [];
  window.fetch = async (address, request) => {
    if (address.split("?")[0].endsWith("PATH")) await new Promise((go) => heldBack.push(go));
    return real(address, request);
  };
  window.release = () => { window.fetch = real; heldBack.forEach((go) => go()); };
})()"""


class PageLeft(AssertionError):
    """The page went away while it was asked."""


class Browser:
    """One page. Use as a context manager."""

    def __init__(self, folder: Path, size=(1280, 800), dark=False):
        to_chromium, self._write = os.pipe()
        self._read, from_chromium = os.pipe()
        arguments = [
            *(
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-extensions",
                "--disable-features=MediaRouter,OptimizationHints,Translate",
                "--no-first-run",
                "--hide-scrollbars",
            ),
            *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--mute-audio"),
            *("--disable-background-networking", "--disable-component-update"),
            *(f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}"),
            *("--remote-debugging-pipe", "about:blank"),
        ]
        log = os.open(folder / "chromium.log", os.O_WRONLY | os.O_CREAT)
        self._process = os.posix_spawn(
            CHROMIUM,
            arguments,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, to_chromium, 3),
                (os.POSIX_SPAWN_DUP2, from_chromium, 4),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setpgroup=0,
        )
        for end in (to_chromium, from_chromium, log):
            os.close(end)
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session = None
        self.complaints: list[str] = []
        target = self._first_page()
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Page", "Log", "Network"):
            self.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        width, height = size
        self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    @property
    def group(self) -> int:
        """The group of its processes."""
        return self._process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self._process, signal.SIGKILL)  # it leads a group of its own
        os.waitpid(self._process, 0)
        os.close(self._write)
        os.close(self._read)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def run(self, script: str):
        """Return what an expression evaluates to."""
        done = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"]["exception"]["description"])
        return done["result"].get("value")

    def wait(self, script: str, seconds: float = PATIENCE_S):
        """Wait until an expression is true, and return it."""
        end = time.monotonic() + seconds
        while True:
            with suppress(PageLeft):  # the next one may be on its way
                if value := self.run(script):
                    return value
            assert time.monotonic() < end, f"never true: {script}; {self.complaints}"
            time.sleep(0.05)

    def mouse(self, kind: str, x: float, y: float, *, button="left", modifier=None, turn=0):
        pressed = {"button": button, "buttons": 1, "clickCount": 1} if kind != "wheel" else {}
        self.call(
            "Input.dispatchMouseEvent",
            type={"down": "mousePressed", "up": "mouseReleased", "move": "mouseMoved"}.get(
                kind, "mouseWheel"
            ),
            x=x,
            y=y,
            modifiers=MODIFIERS.get(modifier, 0),
            **(pressed if kind != "wheel" else {"deltaX": 0, "deltaY": turn}),
        )

    def click(self, x: float, y: float, modifier=None) -> None:
        self.mouse("down", x, y, modifier=modifier)
        self.mouse("up", x, y, modifier=modifier)

    def drag(self, *points) -> None:
        self.mouse("down", *points[0])
        for point in points[1:]:
            self.mouse("move", *point)
        self.mouse("up", *points[-1])

    def key(self, key: str, modifier=None) -> None:
        text = "\r" if key == "Enter" else key if len(key) == 1 else ""
        text = text if modifier in (None, "shift") else ""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                modifiers=MODIFIERS.get(modifier, 0),
                windowsVirtualKeyCode=VIRTUAL.get(key, 0),
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def hold(self, path: str) -> None:
        """Let the page wait for what it asks of an address that ends so, until `release`."""
        self.run(HOLD.replace("PATH", path))

    def release(self) -> None:
        self.run("window.release()")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _first_page(self) -> str:
        while True:  # it opens a moment after the browser
            for target in self.call("Target.getTargets")["targetInfos"]:
                if target["type"] == "page":
                    return target["targetId"]
            time.sleep(0.05)

    def call(self, method: str, **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                error = answer.get("error", {})
                if "navigated" in error.get("message", ""):
                    raise PageLeft(error["message"])
                assert not error, error
                return answer["result"]
            self._note(answer)

    def _receive(self) -> dict:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], PATIENCE_S)
            assert ready, "Chromium does not answer"
            more = os.read(self._read, 1 << 20)
            assert more, "Chromium has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict) -> None:
        """Keep what the console would show."""
        about = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(about["exceptionDetails"]))
        elif event.get("method") == "Runtime.consoleAPICalled" and about["type"] != "log":
            self.complaints.append(str(about["args"]))
        elif event.get("method") == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.complaints.append(str(about["entry"]))
