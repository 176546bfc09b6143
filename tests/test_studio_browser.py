"""The page in a real Chromium: it opens, and says nothing is wrong."""

from tests.studio_page import studio


def test_the_page_opens_and_its_console_is_silent(chromium, tmp_path):
    with studio(tmp_path) as address, chromium.new_context() as context:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        page.wait_for_function("document.body.childElementCount > 0")
        assert page.title() == "audioviz studio"
        assert said == []
