"""Write the picture of the demo, as README shows it, to a PNG file.

From the checkout: PYTHONPATH=. .venv-dev/bin/python tests/tools/picture_of_demo.py docs/picture.png
"""

import asyncio
import base64
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from auditor.report.formats import FORMATS
from auditor.report.view import View
from tests.tools.html_pages import fixture
from tests.tools.validate_html import Tab, browser

WIDTH = 1380


def main() -> None:
    """Write the pictures of the first deployment."""
    with tempfile.TemporaryDirectory() as folder, browser("chromium") as address:
        page = Path(folder, "demo.html")
        page.write_text(FORMATS["html"].render(fixture("demo"), View()), encoding="utf-8")
        Path(sys.argv[1]).write_bytes(asyncio.run(picture(address, page.as_uri())))


async def picture(address: str, page: str) -> bytes:
    """Return the first pictures of a page as PNG."""
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
        tab = Tab(socket)
        await tab.call("Page.enable")
        await tab.call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=900, deviceScaleFactor=1, mobile=False)
        await tab.emulate("light")
        await tab.show(page)
        box: dict[str, Any] = await tab.value("document.querySelector('.pictures').getBoundingClientRect().toJSON()")
        clip = {name: box[name] for name in ("x", "y", "width", "height")}
        shot = await tab.call(
            "Page.captureScreenshot", format="png", clip={**clip, "scale": 1}, captureBeyondViewport=True
        )
    return base64.b64decode(shot["data"])


if __name__ == "__main__":
    main()
