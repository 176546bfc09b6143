"""Summaries of a song, a schedule, and a finished video with its manifest, in a few lines each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audioviz.audio.hearing.beats import SURE
from audioviz.audio.song import Song
from audioviz.insight.reaction import Reaction
from audioviz.schedule.schedule import Schedule
from audioviz.video.photosensitive import Flashing
from audioviz.video.probe import VideoInfo, read_metadata

FACTS = ("model", "model_sha256", "size", "steps", "cfg", "sampler", "scheduler", "device", "dtype", "song_sha256")
_MOST_TIMES = 8
LONGEST = 200  # characters of a fact that are shown


def describe_song(song: Song) -> str:
    """A song in two lines."""
    minutes, seconds = divmod(float(song.duration), 60)
    tempo = f"{tempo_in_words(song)}, {song.beats_per_bar} beats a bar" if song.tempo else "no steady tempo"
    labels = " ".join(part.label for part in song.sections)
    return (
        f"{song.path.name}: {int(minutes)}:{seconds:05.2f}, {song.rate} Hz, {song.channels} channels, {tempo}\n"
        f"{song.clock.frames} frames at {song.clock.fps} fps, {len(song.beats)} beats, {len(song.downbeats)} bars, "
        f"{len(song.kicks)} kicks, {len(song.snares)} snares, {len(song.hats)} hats, {len(song.onsets)} onsets, "
        f"{len(song.sections)} sections: {labels}"
    )


def tempo_in_words(song: Song) -> str:
    """`120.0 bpm (sure)`; or `96 bpm, or perhaps 192: --beats double`."""
    if song.tempo_confidence >= SURE:
        return f"{song.tempo:.1f} bpm (sure)"
    if not song.other_tempi:
        return f"{song.tempo:.0f} bpm (not sure)"
    other = song.other_tempi[0]
    hint = {2.0: "--beats double", 0.5: "--beats half"}.get(round(other / song.tempo, 1), f"--tempo {other:.0f}")
    return f"{song.tempo:.0f} bpm, or perhaps {other:.0f}: {hint}"


def describe_schedule(plan: Schedule) -> str:
    """A schedule in a line for each column and each prompt."""
    lines = [f"{plan.clock.frames} frames at {plan.clock.fps} fps"]
    for name, values in (plan.columns | {f"mix {text}": values for text, values in plan.mix.items()}).items():
        span = (
            f"{len(set(values.tolist()))} different"
            if values.dtype == "uint64"
            else (f"{values.min():.3g} .. {values.max():.3g}, mean {values.mean():.3g}")
        )
        lines.append(f"{name:9} {span}")
    lines += [f"{prompt.seconds:7.2f} s  frame {frame:5}  {prompt.text}" for frame, prompt in plan.prompt_rows()]
    return "\n".join(lines)


@dataclass(frozen=True)
class VideoReport:
    """What a video was made of, whether its sound and picture fit, and how it reacts: printed, the lines of it."""

    path: Path
    video: VideoInfo
    reaction: Reaction | None  # None where there is no sound
    flashing: Sequence[Flashing]  # the times of too many flashes

    def __str__(self) -> str:
        info, found = self.video, self.reaction
        width, height = info.size
        picture = f"{self.path.name}: {info.frames} frames of {width}x{height} at {info.fps} fps, picture "
        picture += f"{info.picture_seconds:.3f} s"
        flashes = f"more than three flashes a second       {describe_flashing(self.flashing)}"
        if found is None:
            return "\n".join([f"{picture}, no sound", flashes, *describe_manifest(info.metadata)])
        apart = 1000 * (info.picture_seconds - info.sound_seconds)
        fits = "within" if abs(apart) <= 500 / info.fps else "MORE than"
        return "\n".join(
            [
                f"{picture}, sound {info.sound_seconds:.3f} s",
                f"picture longer than sound by           {apart:.1f} ms, {fits} half a frame",
                f"frames against length of sound at fps  {info.frames} against "
                f"{info.sound_seconds * float(info.fps):.1f}",
                f"kicks                                  {found.kicks}",
                f"correlation of change with kicks       {found.correlation:.2f}",
                f"kicks with a peak within one frame     {100 * found.hits:.0f}%",
                f"change, loudest against quietest       {found.loud_to_quiet:.1f}x",
                flashes,
                *describe_manifest(info.metadata),
            ]
        )

    __repr__ = __str__


def describe_flashing(found: Sequence[Flashing]) -> str:
    """The times of too many flashes in a line."""
    times = [f"{one.start:.1f} to {one.end:.1f} s" + (" (red)" if one.kind == "red" else "") for one in found]
    more = f" and {len(times) - _MOST_TIMES} times more" if len(times) > _MOST_TIMES else ""
    return (", ".join(times[:_MOST_TIMES]) or "never") + more


def describe_manifest(metadata: str | None) -> list[str]:
    """The embedded manifest in short; anyone may have written it, so nothing of it is taken for granted."""
    manifest = read_metadata(metadata)
    if not manifest:
        return ["no manifest: not made by audioviz, or it was removed"]
    lines = [f"{name:13} {plain(manifest[name])}" for name in FACTS if name in manifest]
    versions, schedule = manifest.get("versions"), manifest.get("schedule")
    if isinstance(versions, dict):
        lines.append("versions      " + plain(", ".join(f"{name} {number}" for name, number in versions.items())))
    prompts = schedule.get("prompts") if isinstance(schedule, dict) else None
    entries = [entry for entry in prompts if isinstance(entry, dict)] if isinstance(prompts, list) else []
    return lines + [f"prompt        {plain(one.get('seconds'))} s  {plain(one.get('prompt'))}" for one in entries]


def plain(value: object) -> str:
    """A value as one short line that cannot steer a terminal."""
    text = "x".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(letter if letter.isprintable() else " " for letter in text[:LONGEST])


def clock_time(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def megabytes(size: float) -> str:
    """Bytes as MB or GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
