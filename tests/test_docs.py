"""The pages say what is so: every snippet is run, every option and column is told, every link leads somewhere.

Fenced blocks of README, CONTRIBUTING and docs/ are taken in order. Python runs in one namespace a page, and commands
by click. Blocks with a title are files: those of the reader are written into the folder before all else, and read by
what reads them; those of this repository are quoted, line by line. Examples in docstrings run as in a schedule script.
"""

import ast
import doctest
import importlib
import json
import re
import runpy
import shlex
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from mido import Message, MetaMessage, MidiFile, MidiTrack
from PIL import Image

import audioviz as av
from audioviz.command.main import cli
from audioviz.command.options import to_project
from audioviz.rendering import make
from audioviz.schedule.columns import ALWAYS, COLOUR, COLUMNS, NEUTRAL, RANGES, SEEDS
from audioviz.schedule.lanes import Lane

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
EXAMPLES = [path for path in sorted((ROOT / "audioviz").rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
FENCE = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
NOT_HERE = {
    "--model",
    "--lora",
    "--embedding",
    "--vae",
    "--controlnet",
    "--ip-adapter",
    "--upscale",
}  # files that no test brings


@dataclass(frozen=True)
class Block:
    """A fenced block: the line of its page that it begins after, its language, its file if it is one, its text."""

    line: int
    language: str
    title: str | None
    text: str


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(FENCE.findall(text)), f"{page.name}: a fence that is not closed, or indented"
    return [Block(text[: found.start()].count("\n") + 1, *found.groups()) for found in FENCE.finditer(text)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a reader who has the files that the pages name."""
    folder = tmp_path_factory.mktemp("reader")
    samples, rate = soundfile.read(ROOT / "examples" / "song.ogg")
    soundfile.write(folder / "song.mp3", samples, rate)
    soundfile.write(folder / "drums.wav", samples[4 * rate : 6 * rate], rate)
    ways = MetaMessage("track_name", name="drums"), Message("control_change", control=1, value=64)
    notes = Message("note_on", channel=9, note=36, time=480), Message("note_off", channel=9, note=36, time=240)
    MidiFile(tracks=[MidiTrack([*ways, *notes])]).save(folder / "song.mid")
    rng = np.random.default_rng(1)
    for name in ("logo", "mask", "edges", "painting"):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(folder / f"{name}.png")
    with pytest.MonkeyPatch.context() as patch:
        make_small_videos(patch)
        av.render(folder / "song.mp3", prompts="gold mandala", out=folder / "video.mp4", progress=False)
    for name in ("one", "two"):
        shutil.copy(folder / "song.mp3", folder / f"{name}.mp3")
    for name in ("clip", "depth"):
        shutil.copy(folder / "video.mp4", folder / f"{name}.mp4")
    return folder


def make_small_videos(patch: pytest.MonkeyPatch) -> None:
    """Let renders be what they are asked to be, but for their size, steps and length."""
    make_video = make.make_video

    def small(project, song, schedule, model, *, part, **options):
        return make_video(project.changed(size=(64, 64), steps=1), song, schedule, model, part=part[:6], **options)

    patch.setattr(make, "make_video", small)


@pytest.mark.filterwarnings("ignore::audioviz.errors.AudiovizWarning")  # of what other tools cannot say, and so on
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_run(page, folder, tmp_path, monkeypatch, capsys):
    here = shutil.copytree(folder, tmp_path / "here")
    monkeypatch.chdir(here)
    make_small_videos(monkeypatch)
    blocks, namespace = blocks_of(page), {"song": None}
    for block in blocks:
        if block.title and "/" not in block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
    for block in blocks:
        try:
            run_block(block, page, namespace)
        except (Exception, SystemExit) as error:
            pytest.fail(f"{page.name}, line {block.line}: {type(error).__name__}: {error}")


def run_block(block: Block, page: Path, namespace: dict) -> None:
    match block:
        case Block(language="python", title=None):
            namespace.setdefault("av", av)
            namespace["song"] = namespace["song"] or av.load_song("song.mp3", fps=12)
            exec(compile("\n" * block.line + block.text, page.name, "exec"), namespace)
        case Block(language="sh" | "bat", title=None):
            for line in block.text.splitlines():
                run_line(line.replace("\\", "/") if block.language == "bat" else line)
        case Block(title=str() as title) if "/" in title:
            there = {line.strip() for line in (ROOT / title).read_text(encoding="utf-8").splitlines()}
            assert {line.strip() for line in block.text.splitlines()} <= there, f"{title} says otherwise"
        case Block(title=str() as title):
            read_file(title)
        case Block(language="text"):
            pass
        case _:
            raise ValueError(f"a block of {block.language!r} without a title: nobody would run it")


def read_file(name: str) -> None:
    """Read a file as what its name says that it is."""
    if name.endswith((".avz", ".yaml")):
        run_audioviz(["render" if name.endswith(".avz") else "batch", name])
        return
    song = av.load_song("song.mp3", fps=12)
    plan = av.load_schedule(name)(song)
    assert len(plan) == song.clock.frames
    if plan.prompts and not name.endswith((".py", ".json")):
        assert len(av.load_schedule("drift")(song).with_prompts([name], song=song).prompts) > 1


def run_line(line: str) -> None:
    match shlex.split(line, comments=True):
        case [program, *words] if program.endswith("audioviz"):
            run_audioviz(words)
        case ["make", target]:
            assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
        case [python, "-m", "pip", "install", "-e", place] if python.endswith("python"):
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
            assert place == "." or place[2:-1] in extras["optional-dependencies"]
        case [python, "-m", "pytest", *words] if python.endswith("python"):
            assert f"-m pytest {' '.join(words)}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
        case ["py", "-3", "-m", "venv", ".venv"] | []:
            pass
        case words:
            raise ValueError(f"{words[0]} is no command that the tests know")


def run_audioviz(words: list[str]) -> None:
    """Run a command: a render and a batch are dry runs, workers are this process; a sweep makes two drafts; a render
    whose model is not here becomes a Project; pipelines are parsed; the studio is opened and left.
    """
    name, *rest = [
        found for word in words for found in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    if name == "run":
        pipeline = runpy.run_path(str(ROOT / "pipelines" / f"{rest[0]}.py"))
        command = next(value for value in pipeline.values() if isinstance(value, click.Command))
        command.make_context(rest[0], rest[1:])
    elif name == "render" and NOT_HERE & set(rest):
        with cli.commands[name].make_context(name, rest) as context:
            around = {"songs", "out", "project_file", "trust", "dry_run", "no_resume", "keep_work", "quiet"}
            around |= {"on", "store", "json_progress"}
            to_project(context.params["songs"][0], {k: v for k, v in context.params.items() if k not in around})
    elif name == "studio":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("audioviz.studio.serve.serve", lambda session, **options: None)
            cli.main([name, *rest], standalone_mode=False)
    else:
        dry = ["--dry-run"] if name in ("render", "batch") else []
        here = ["--on", "here"] if "--on" in rest and not dry else []  # the last one counts
        few = ["--sample", "2"] if name == "sweep" else []
        cli.main([name, *rest, *here, *few, *dry], standalone_mode=False)


def test_the_notebook_runs_and_shows_what_it_says(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(folder / "song.mp3", "song.ogg")  # what is in it decides; this one was heard before
    make_small_videos(monkeypatch)
    cells = json.loads((ROOT / "examples" / "first_steps.ipynb").read_text(encoding="utf-8"))["cells"]
    namespace, shown = {}, []
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            shown.append(run_cell("".join(cell["source"]), namespace))
    pages = [(type(one).__name__, one._repr_html_()[:10]) for one in shown if hasattr(one, "_repr_html_")]
    plot, video = '<img src="', "<video src"
    assert pages == [("Song", plot), ("Schedule", plot), ("Video", video), ("Schedule", plot), ("Video", video)]
    assert sum(hasattr(one, "_repr_png_") for one in shown) == 2  # of a curve, and the frames
    assert shown[4].keys() >= {"frame", "seed", "denoise"} and "6 frames of 64x64" in repr(shown[6])
    assert {path.name for path in tmp_path.iterdir()} >= {"first-steps.mp4", "mine.csv", "mine.png", "mine.mp4"}


def run_cell(source: str, namespace: dict) -> object:
    """Run a cell of a notebook: the value of the expression at its end, which is shown, or None."""
    *body, last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        body, last = [*body, last], None
    exec(compile(ast.Module(body, []), "cell", "exec"), namespace)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), namespace) if last else None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_in_docstrings(path, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "here"))
    make_small_videos(monkeypatch)
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    song = av.load_song("song.mp3", fps=12)
    runner, said = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE), []
    with av.bound(song):
        for test in doctest.DocTestFinder().find(module, globs={"av": av, "np": np, "song": song}):
            runner.run(test, out=said.append)
    assert runner.tries > 0 and runner.failures == 0, "".join(said)


def test_what_is_not_plain_has_an_example():
    records = [av.Grid, av.Project, av.Project.changed, av.Prompt, Lane, av.Curve.attack_release]
    makers = [av.curves.push, av.curves.keyframes, av.curves.expression, av.seeds.travel]
    assert [one for one in [*records, *makers, av.load_midi, av.bound, av.render] if ">>> " not in one.__doc__] == []


def cells_of(page: Path) -> list[list[str]]:
    """The rows of all tables of a page."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_every_column_is_told_as_it_is():
    told = {row[0].strip("`"): row[1:] for row in cells_of(DOCS / "columns.md") if row[0].startswith("`")}
    assert set(told) == set(COLUMNS)
    usual = NEUTRAL | {name: getattr(av.Schedule, name) for name in ALWAYS}
    for name, (span, _, otherwise, *_) in told.items():
        assert span in spans_of(name), name
        same = otherwise == "white" if name == COLOUR else name in usual and float(otherwise) == usual[name]
        assert same or (name not in usual and re.search("[a-z]", otherwise)), name


def spans_of(name: str) -> tuple[str, ...]:
    """How the range of a column may be told."""
    if name in SEEDS or name == COLOUR:
        return ("0 .. 2^64 - 1",) if name in SEEDS else ("a colour",)
    low, high = RANGES[name]
    if (low, high) == (0, 1):
        return "0 .. 1", "0 or 1"
    if low == -np.inf or name == "zoom":
        return ("above 0",) if name == "zoom" else ("any",)
    return (f"{low:g} .." if high == np.inf else f"{low:g} .. {high:g}",)


def options_of(command: click.Command) -> set[str]:
    return {name for option in command.params if isinstance(option, click.Option) for name in option.opts}


def test_every_option_is_told():
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## audioviz (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert parts.keys() == cli.commands.keys()
    for name, command in cli.commands.items():
        told = set(OPTION.findall(FENCE.sub("", parts[name])))
        assert told == {option for option in options_of(command) if option.startswith("--")}, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_that_prose_names_exist(page):
    prose = " ".join(re.findall(r"`[^`]+`", FENCE.sub("", page.read_text(encoding="utf-8"))))
    known = {"--help", "--neg"}.union(*map(options_of, [cli, *cli.commands.values()]))
    assert set(OPTION.findall(prose)) <= known


def test_every_public_name_is_told():
    stub = ast.parse((ROOT / "audioviz" / "__init__.pyi").read_text(encoding="utf-8"))
    names = {alias.asname for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names}
    told = re.findall(r"^::: audioviz\.([\w.]+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert names <= {name.split(".")[0] for name in told} | {name.split(".")[-1] for name in told}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for place, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{page.name} links to {place}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w-]+", "", title.lower().replace(" ", "-")) for title in titles}
            assert anchor in slugs, f"{page.name} links to {place}#{anchor}"


def test_the_menu_of_the_site_has_every_page():
    """Those of docs/, and those outside of it that pages link to; without one of them the site is not built."""
    menu = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    there = [DOCS / name if (DOCS / name).exists() else ROOT / name for name in menu]
    pages = {page for page in PAGES if page.parent == DOCS} | {ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"}
    links = {(page.parent / place).resolve() for page in pages for place, _ in LINK.findall(page.read_text("utf-8"))}
    assert set(there) == pages | {link for link in links if link.suffix == ".md"} and len(menu) == len(set(menu))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_lines_end_by_column_120(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []


def test_versions_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[1] == version
    pins = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
    ruffs = re.findall(r"\[(ruff==.+)\]", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert ruffs and all(f"\n{ruff}\n" in pins for ruff in ruffs)
