"""A hook of mkdocs: what pages name outside of this folder, such as `../examples/demo.jpg`, goes into the site too."""

import re
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")  # which the menu names, and no page
_LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)")


def on_files(files: Files, *, config) -> Files:
    """Add the files that pages name, and those that these name."""
    found = {ROOT / page for page in PAGES}
    waiting = [*found, *(Path(file.abs_src_path) for file in files.documentation_pages())]
    while waiting:
        page = waiting.pop()
        links = {(page.parent / link).resolve() for link in _LINK.findall(page.read_text(encoding="utf-8"))}
        new = {path for path in links if path.is_file() and ROOT in path.parents} - found
        found |= new
        waiting += [path for path in new if path.suffix == ".md"]
    for path in sorted(found):
        place = path.relative_to(ROOT).as_posix()
        if not place.startswith("docs/") and files.get_file_from_path(place) is None:
            files.append(File(place, str(ROOT), config.site_dir, use_directory_urls=False))
    return files


def on_page_markdown(markdown: str, *, page, **_) -> str:
    """Pages of this folder stand beside what they name in the site, and not below it."""
    if (ROOT / "docs" / page.file.src_uri).is_file():
        return _LINK.sub(lambda link: link[1].removeprefix("../"), markdown)
    return _LINK.sub(lambda link: link[1].removeprefix("docs/"), markdown)
