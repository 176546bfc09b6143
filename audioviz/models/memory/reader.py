"""TextReader: prompts to conditionings, by text encoders that may have to take turns with the core on a small GPU."""

from collections.abc import Callable
from dataclasses import dataclass, field

from audioviz.models.memory.placement import Placement
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
    """

    read: Callable[[str], Conditioning]
    placement: Placement
    _known: dict[str, Conditioning] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, text: str) -> Conditioning:
        if not self.placement.limited:
            return self.read(text)
        if text not in self._known:
            with self.placement.reading():
                self._known[text] = self.read(text)
        return self._known[text]

    def forget(self) -> None:
        """Give back the memory of what was read."""
        self._known.clear()
