"""TextReader: prompts to conditionings, by text encoders that may have to take turns with the core on a small GPU."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from audioviz.models.placement import Placement
from audioviz.sampling import Conditioning


@dataclass(eq=False)
class TextReader:
    """The conditioning of a text; on a small GPU what was read is kept until `forget`, so that it is read once.

    Parameters
    ----------
    read : function of a text
        Calls the text encoders.
    placement : Placement
        Has them on the device meanwhile.
    state : function, optional
        What their weights depend on now, such as the strengths of LoRAs: a text is read anew in each state.
    """

    read: Callable[[str], Conditioning]
    placement: Placement
    state: Callable[[], Hashable] = lambda: None
    _known: dict[tuple[str, Hashable], Conditioning] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, text: str) -> Conditioning:
        if not self.placement.limited:
            return self.read(text)
        key = text, self.state()
        if key not in self._known:
            with self.placement.reading():
                self._known[key] = self.read(text)
        return self._known[key]

    def forget(self) -> None:
        """Give back the memory of what was read."""
        self._known.clear()
