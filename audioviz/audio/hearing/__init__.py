"""Music analysis: samples become onsets, beats, bars, sections and levels.

Of librosa this calls what comes without its compiled functions: the mel filters, and the conversions of frequencies.
Where a function's docstring says how librosa's compares, these figures come on top, which librosa 0.11 takes to import,
against 2.7 s and 260 MB of a whole analysis of three minutes: `librosa.util` 0.5 s and 63 MB more, `librosa.onset`,
`librosa.feature` and `librosa.yin` 0.65 s and 67 MB, `librosa.decompose` and `librosa.segment` 0.95 s and 91 MB; and
once after an installation 20 s and 180 MB, in which these are compiled.
"""
