"""The styles that `compose` writes in, as data.

A lane or figure is a string that divides its bar evenly, however many signs it has: `x...*4` is four to a bar on a grid
of sixteenths, `xxx*4` triplets; `|` parts the bars of longer ones.

Lanes of drums: `.` nothing, `g` a ghost note, `x` a note, `X` an accent, `?` perhaps, `o` an open hat, `d` and `t` two
and three notes in one step. A bass: degrees of the chord, `8` its octave, `a` a step to the next root, `-` held on.
Chords: `x` and `X` all of it, `l` its root and `b` its fifth below, `h` its highest note, `-` held on.
"""

from dataclasses import dataclass, field, fields

_LANES = (
    "K36 k35 S38 s40 r37 c39 H42 P44 O46 R51 B53 D59 C49 G57 U50 M47 L45 F41 t54 "
    "w56 Q82 q70 z69 a60 b61 d62 e63 f64 g65 h66 n67 m68 v75 y76 Y77 u73 i81 j80"
)
LANES = {lane[0]: int(lane[1:]) for lane in _LANES.split()}

# Degrees of the mode; M a major third, 7 a dominant seventh
PROGRESSIONS = {
    "pop": "major: 1 5 6 4|6 4 1 5|1 6 4 5|4 5 3 6|1 4 1 5|1 3 4 4|2 5 1 6|1 5 2 4 / minor: 1 6 3 7|1 7 6 7|1 4 6 5",
    "rock": "mixolydian: 1 7 4 1|1 4 7 4|1 1 7 4 / major: 1 4 5 4|1 5 4 4|6 4 1 5 / minor: 1 6 7 1|1 3 7 4|1 7 6 5M",
    "metal": "minor: 1 1 6 7|1 6 4 5M|1 7 6 5M / phrygian: 1 2 1 2|1 1 2 3|1 2 7 1 / minor: 1 3 6 7|6 7 1 1",
    "dance": "minor: 1 6 3 7|6 7 1 1|1 1 6 7|1 4 6 7|1 1 1 1 / dorian: 1 4 1 4|1 1 7 4 / major: 6 4 1 5|4 5 6 1",
    "vamp": "dorian: 1 4|1 1 1 4|1 2 / mixolydian: 17 17 47 17|17 47 / minor: 1 1 4 1|1 7|1 5",
    "jazz": "major: 2 57 1 67|3 67 2 57|1 6 2 57|1 1 4 47 3 67 2 57 / minor: 1 4 7 3 6 2 5M 1|2 57 1 1",
    "blues": "mixolydian: 17 17 17 17 47 47 17 17 57 47 17 57|17 47 17 17 47 47 17 17 57 57 17 17",
    "latin": "minor: 1 4 57 1|1 7 6 57|1 1 57 57 / major: 1 4 57 4|2 57 1 1|1 6 2 57 / dorian: 1 4",
    "folk": "major: 1 1 4 5|1 4 1 5|1 5 6 4|1 4 5 1 / dorian: 1 1 7 7|1 7 1 7|1 3 7 1 / mixolydian: 1 7 1 7",
    "oompah": "major: 1 1 57 57 57 57 1 1|1 4 57 1|1 57 1 57|1 1 4 4 57 57 1 1 / minor: 1 57 1 57|1 4 57 1",
    "classic": "major: 1 4 57 1|1 6 2 57|1 5 6 3 4 1 2 57 / minor: 1 4 5M 1|1 6 4 5M|1 7 3 6 2 5M 1 1",
}
MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}

# Programs of bass / chords / lead / pads / arpeggios
_BANDS = {
    "air": "38 89 39 / 88 4 11 46 / 73 79 99 78 54 / 88 89 91 92 94 95 97 / 98 11 46 96 99 88 10",
    "band": "33 34 36 / 27 28 29 25 / 30 29 65 53 17 62 / 48 16 18 89 / 27 26 4",
    "brass": "58 32 / 21 57 61 60 / 56 71 21 72 57 61 / 61 60 / 71 14 9",
    "chip": "80 81 38 87 / 80 81 / 80 81 82 / 80 90 81 / 80 81 80",
    "folk": "32 33 43 / 25 24 105 21 46 / 40 73 110 105 22 21 72 109 / 48 109 21 / 25 46 105 15",
    "guitar": "24 25 26 46 40 42 / 24 25 26 46 40 42 / 24 25 26 46 40 42 / 24 25 26 46 40 42 / 24 25 26 46 40 42",
    "jazz": "32 35 / 0 26 4 11 / 65 66 56 11 71 26 0 / 48 61 / 0 26",
    "latin": "32 33 35 / 0 24 25 1 21 / 56 73 57 65 24 11 / 48 61 16 / 0 24 12",
    "metal": "34 33 / 30 29 / 30 29 84 48 / 52 48 91 / 30 26",
    "orch": "43 42 58 / 48 45 60 44 49 / 40 56 60 68 71 73 61 / 48 49 52 60 / 46 45 48 73 9",
    "piano": "0 1 2 6 4 / 0 1 2 6 4 / 0 1 2 6 4 / 0 1 2 6 4 / 0 1 2 6 4",
    "pop": "33 39 38 / 0 1 4 25 27 80 / 53 54 73 80 81 62 56 / 48 50 89 90 88 / 0 11 81 46 45 98",
    "soul": "33 36 37 / 4 16 7 27 28 / 65 66 56 61 53 73 / 48 16 61 / 28 7 4",
    "synth": "38 39 87 81 / 81 90 62 63 5 51 / 80 81 84 86 87 53 / 89 90 91 94 95 50 / 81 80 82 11 98 103",
    "house": "38 39 87 81 / 0 16 4 81 90 / 80 81 84 86 87 53 / 89 90 91 94 95 50 / 81 80 82 11 98 103",
    "hip": "33 36 37 / 4 16 7 27 28 / 75 65 11 81 / 48 16 61 / 46 45 11 108",
    "trap": "38 39 / 88 4 11 46 / 14 9 75 80 / 88 89 91 92 94 95 97 / 98 11 46 96 99 88 10",
    "reggae": "33 36 37 / 27 28 16 0 / 65 66 56 61 53 73 / 48 16 61 / 28 7 4",
    "ska": "33 36 37 / 27 16 28 / 65 66 56 61 53 73 / 48 16 61 / 28 7 4",
    "bossa": "32 33 35 / 24 0 26 / 56 73 57 65 24 11 / 48 61 16 / 0 24 12",
    "samba": "32 33 35 / 24 25 / 56 73 57 65 24 11 / 48 61 16 / 0 24 12",
    "blues": "33 34 36 / 27 0 16 26 / 22 26 29 65 0 / 48 16 18 89 / 27 26 4",
    "country": "32 33 43 / 25 24 105 21 46 / 25 40 22 105 27 / 48 109 21 / 25 46 105 15",
    "waltz": "32 35 / 0 21 48 24 / 21 40 71 73 0 / 48 61 / 0 26",
}
_TABLE = """
six
  drums K x..... S ...x.. H xxxxxx / K x....x S ...X.. H XxxXxx / K x.x..x S ...x.. H x.xx.x
  drums K X..... S ...X.. R xxxxxx / K x.......x... S ......X...g. H xgxgxgxgxgxg / K x...x. r ...x.. Q xxXxxX
  drums K x..x.x|x..... S ...x..|.....x H x.xx.x
  bass 1--5-- 1----1 1-.1-5 1--1-5 1--8-5 1--.-5 1-5-8- ..1..5 1.-1--|1--5-a
  chords x----- .xx.xx x-xx-x lxxlxx lxhxhx x--x-- ..x..x xxXxxX x.x..x .x..x. lhxhxh
any
  perc Q xgXg*4 / Q x.X.*4 / Q X.g.*4 / Q ..X.*4 / q XxxX*4 / z x.XX*4 / t ..X.*4 / t ....X...*2 / t gxXx*4
  perc Q X.gXg.X.*2 / Q x.x*4 / z xxX*4 / q x..x..x.*2 / w x...*4 / v x..x..x...x.x... / i x.X.*4 / t ..x.X.x.*2
  perc e ..x...xx*2 f ......x......x.x / a x.gx.gx.*2 b ..x..x..*2 / n x..xx.x.*2 m ..x....x*2 / Q X..X*4
  bass 1...1...1...1... 1.1.*4 ..1.*4 ..1...1...5...1. .11.*4 1-----1-----1--- 1..1..1.*2 ...1..1...1..1..
  bass 1---............ 1.8.*4 ..8...8...8..5a. 1......1..1..... 1-----5-----8---|..1---..5---a--- 1111*4
  bass 1..8..5.1..8..a. .1.1..1..1.1..5.
  chords x--------------- x.......x....... x...*4 x.x.*4 ..x.*4 x..x..x.*2 x--x--x-*2 ...x..x...x..x.. .x.x*4
  chords x-----x-----x--- ..x...x...x..x.. x..x..x...x.x... ....x...*2 xxxx*4 ..xx*4 ......x-......x- l.x.*4
  chords ...x...x..x..... x.........x----- ..x..x..x..x..x.|.x..x..x..x..x..
  chords x..x..x..x..x..x|..x..x..x..x..x.|.x..x..x..x..x.. ..x-....x-....x-
  hats x.x.*4 X.x.*4 xxxx*4 XgxgXgxg*2 ..X.*4 ..x.*4 x...*4 X.xx*4 .x.x*4 g.X.*4 x.xgx.xx*2 x..x..x.*2 gxXx*4
  hats x.x.x.d.x.x.x.t. ..X...X...X...Xx x.o.*4 x.x.x.o.*2 ..o.*4 x.xxx.xxx.xxxdxd
rock
  style bpm 96 152 / harmony rock / band band / threes 0.15 / sixes 0.08 / chords power
  drums K x.......x.x..... S ....X.......X... H x.x.*4 / K x..x..x...x..... S ....X.......X..g H X.x.*4
  drums K x.....x.x.x...x. S ....X.......X... R x.x.*4 / K x...x.x. S ..X...X. O x.x.x.x.
  drums K x.......x....... S ....X.......X... H X.x.*4 / K x...*4 S ....X.......X... O x...*4
  drums K x.......x...x... S ....X.......X... B x.x.*4
  bass 1.1.*4 1--1..1-1--1..a- 1.......1.1.5.a. ..1.*4
  chords x-x-x.x.*2 x--x--x---x-x--- ..x.*4 x-------..x-x--- xxXx*4
hard rock
  style bpm 84 140 / harmony rock / band band / threes 0.1 / sixes 0.06 / kit 0 8 16 / chords power
  drums K x.x.....x.x...x. S ....X.......X... O x...*4 / K x..x..x..xx..... S ....X.......X... H X.x.*4
  drums K X.....x...x..... S ........X....... R x...*4 / K x.x...xx..x..... S ....X..g.g..X... B x.x.*4
  drums K x.......x....... S ....X.......X... O x...*4 / K x...*4 S ....X.......X... R X.x.*4
  bass 1.11..1.1.11..3a 1.1.*4 1..1..1...1.1...
  chords x.xx..x.x.xx..x. x-----x---x----- x..x..x..x..x.x. xxxx*4
punk
  style bpm 155 205 / harmony rock / band band / sixes 0.05 / chords power / fast 0.35
  drums K x.....x.x....... S ....X.......X... H X.x.*4 / K x...*4 S ..X.*4 H x.x.*4
  drums K x..x..x.x..x..x. S ....X.......X... O x...*4 / K x.....x...x.x... S ....X.......X... F x.x.*4
  bass 1.1.*4 1.1.1.1.1.1.5.a.
  chords x.x.*4 X.x.x.X.x.x.X.x. x---x.x.x---x.x.
thrash metal
  style bpm 130 208 / harmony metal / band metal / threes 0.05 / sixes 0.06 / layers pad 0.3 arp 0.4 perc 0.1
  style kit 16 8 0 / chords power / feels 0.35
  drums K xxxx*4 S ....X.......X... R x...*4 / K x.x.*4 S ..X.*4 H x.x.*4
  drums K x.xxx.xxx.xxx.xx S ....X.......X... C x...*4 / K xxxx*4 S .X.X*4 R x.x.*4
  drums K X..x..x...x..x.. S ........X....... G x...*4 / K xxx*4 S ....X....... R x...*4
  drums K x.x.*4 S x.x.*4 C x...*4
  bass 1111*4 1.11*4 1-----..1--1..2.
  chords xxxx*4 x.xx*4 xxxXxxxXxxXxxxXx x..x..x.xxxxx.x. x-----..x--x..x- Xxx*4
power metal
  style bpm 140 190 / harmony metal / band metal / threes 0.08 / sixes 0.12 / kit 16 8 / chords power / fast 0.7
  style feels 0.2
  drums K xxxx*4 S ....X.......X... R x...*4 / K x.xxx.xxx.xxx.xx S ....X.......X... H x.x.*4
  drums K x...*4 S ..X.*4 C x...*4 / K x.....x.x....... S ....X.......X... O x...*4
  bass 1111*4 1.1.*4 1.8.*4
  chords x.xx*4 xxxx*4 x-------x-----x-
pop
  style bpm 84 132 / harmony pop / band pop / swing 0.15 0.54 0.64 16 / threes 0.1 / sixes 0.06
  drums K x.....x.x....... S ....X.......X... H x.x.*4 / K x...*4 S ....X.......X... H ..x.*4
  drums K x..x....x..x..x. c ....X.......X... H xgxg*4 / K x.......x..x...? S ....X..g.g..X... Q xgXg*4
  drums K x.x.......x..x.. S ....X.......X..? O ..x.*4
  drums K x.......x....... S ....X.......X... H x.x.*4 / K x.......x.....x. S ....X.......X... t xgXg*4
  bass 1...1..1....5.a. 1---..1-1---..5- 1..1..1.*2 ..1.*4
  chords x-------x------- x...*4 ..x...x...x...x. x--x--x-*2 x..x..x...x.x...
ballad
  style bpm 60 84 / harmony pop / band pop / threes 0.3 / sixes 0.15 / layers pad 1.7 / free rubato
  drums K x.........x..... S ....X.......X... H x.x.*4 / K x......x..x..... r ....x.......x... H xgxg*4
  drums K x.........x..... S ........X....... R x.x.*4
  drums K x.......x....... S ....X.......X... H x.x.*4 / K x.......x.x..... r ....x.......x... R x...*4
  bass 1-----5-1-----a- 1-------1-----5- 1------------55a
  chords x---x---x---x--- l.x.h.x.l.x.h.x. x--------------- lhxh*4 lxh*4
synth pop
  style bpm 100 135 / harmony pop / band synth / layers arp 2 / kit 24 25 / free machine / echo 0.2
  drums K x...*4 S ....X.......X... H x.x.*4 / K x..x..x.x..x.... c ....X.......X... H xxxx*4
  drums K x.....x.x.x..... s ....X.......X.x. O ..x.*4
  drums K x.......x....... S ....X.......X... H xxxx*4 / K x...*4 S ....X.......X... Q ..X.*4
  bass 1.8.*4 1111*4 ..11*4 1.1.1.8.*2
  chords ..x.*4 x--x--x-*2 x..x..x..x..x.x.
house
  style bpm 118 130 / harmony dance / band house / swing 0.4 0.52 0.62 16 / layers lead 0.6 / kit 24 25
  style chords seventh / free machine / build 1
  drums K X...*4 c ....x.......x... O ..X.*4 / K x...*4 S ....X.......X... H xgXg*4
  drums K x...*4 c ....x..x....x... O ..x.*4 Q xgXg*4 / K x...*4 r ..x..x...x..x... O ..X.*4
  bass ..1.*4 ..1..1.1..1..5a. 1..1..1...1..1.. .11.*4
  chords x..x..x...x..x.. ..x.*4 ...x..x....x..x. .x.x*4 ..x..x..x-..x..x
techno
  style bpm 124 146 / harmony vamp / band synth / layers lead 0.35 arp 1.8 comp 0.7 / kit 24 25 / free machine
  style build 1 / echo 0.3
  drums K X...*4 H ..x.*4 / K X...*4 c ....x.......x... O ..X.*4 H xxxx*4 / K X...*4 r ...x..x....x.x.. R ..x.*4
  drums K X...*4 O ..X.*4 L ..?..x...?.x..x.
  bass .111*4 ..1.*4 1..1..1..1..1..1 .1.1*4
  chords ...x..x....x.... x..x..x..x..x..x|..x..x..x..x..x.|.x..x..x..x..x.. ..x.*4 ......x.........
trance
  style bpm 128 144 / harmony dance / band synth / layers arp 2.5 pad 1.8 / kit 24 25 / free machine / build 1
  style echo 0.3
  drums K X...*4 c ....x.......x... O ..X.*4 / K X...*4 O ..X.*4 H xxxx*4 / K X...*4 S ....x.......x... R ..x.*4
  bass .111*4 ..1.*4 ..18*4
  chords x..x..x..x..x.x. .xxx*4 x.x..x.x.x..x.x. x---------------
drum and bass
  style bpm 165 180 / harmony dance / band synth / layers pad 1.8 / kit 24 25 0 / free machine / feels 0.25
  style build 1 / weight 1.3
  drums K x.........x..... S ....X.......X... H x.x.*4 / K x.........x..... S ....X..g.g..X..g R xgxg*4
  drums K x.x.......xx.... S ....X..x.x..X..x H x.x.*4 / K x.....x...x..... S ....X.......X... H ..x.*4|xx..x.x.*2
  drums K x.........x.....|x.x.......x..... S ....X..g.g..X...|....X..g.g....X. H x.x.*4
  bass 1---------1---.. 1-----..8--..1-- 1..1..1...1..... 1---------------
  chords x--------------- ...x..x......... ......x.......x. ..x.....x..x....
breakbeat
  style bpm 98 142 / harmony vamp / band synth / swing 0.3 0.53 0.62 16 / kit 24 0 25 / free machine / feels 0.2
  style build 1 / weight 1.3
  drums K x.x.......xx.... S ....X..g.g..X..g H x.x.*4
  drums K x.x.......x.....|..x.......x..... S ....X..g.g....X.|.g..X..g.g....X. R x.x.*4
  drums K x..x..x...x..x.. S ....X..g....X.g. H xxxx*4 / K ..x...x...x..... S ....X.......X..x O ..x.*4
  bass 1..1..1...1..... 1.......1..3..5. ...1..1...1..8..
  chords ......x.......x. x..x............ ..x..x....x..x..
garage 2-step
  style bpm 126 138 / harmony dance / band synth / swing 0.9 0.56 0.66 16 / kit 24 25 / chords seventh
  style free machine
  drums K x.........x..... S ....X.......X... H ..x.*4
  drums K x......x..x..... c ....X.......X... H .xX.*4 r .......x.x.....x
  drums K x.....x....x.... S ....X.......X... O ..x...x...x..xx. / K ...x......x..... S ....X..g....X..g H ..Xx*4
  bass 1..1.....1..8... ..1..1....1...5. ...1..1...1..1..
  chords ...x..x.......x. .x....x..x..x... ..x.....x..x....
dubstep
  style bpm 136 144 / harmony vamp / band synth / layers lead 0.6 / kit 24 25 / free machine / feels 0.2 / build 1
  drums K x............... S ........X....... H x.x.*4 / K x.....x......... S ........X....... H x..x..x...x..x..
  drums K x.........x..x.. S ........X......g H ..x..x..x..x..xx / K x....x...... S ......X..... H xxx*4
  bass 111111111111 1-----1-1---.... 1--1--1--1--1-1- 1.11*4
  chords ......x......... x--------------- x--x--x---x-----
hip hop
  style bpm 78 102 / harmony vamp / band hip / swing 0.6 0.54 0.68 16 / layers lead 0.7 / kit 25 24 0
  style chords seventh / free machine
  drums K x.......x.x..... S ....X.......X... H x.x.*4 / K x..x...x..x..... S ....X.......X... H xgxg*4
  drums K x.x....x.xx..... S ....X..g....X..g H x.x.*4
  drums K ..x....x..x..... S ....X.......X... O ......x.......x. H x.x.*4
  drums K x.......x....... c ....X.......X... H x...*4 / K x.x.....x....... S ....X.......X... H x.xx*4
  bass 1-....1.1-...... 1..1......1..5.. 1.......1..7..a.
  chords x-----------.... ...x...x...x...x x..x..x......... ....x.......x...
trap
  style bpm 130 150 / harmony metal / band trap / layers arp 1.5 / kit 25 24 / free machine
  drums K x.....x......... S ........X....... H x.x.x.x.x.d.x.t.
  drums K x.........x..x.. c ........X....... H x.x.x.xdx.x.xxtt
  drums K x..x......x...x. S ........X....... H ..x...x...x.ddx. / K ....x.x....x.... c ........X....... H x.xt*4
  bass 1-----1--------- 1---------1--1-- 1--1------1---5-
  chords x--------------- x.....x.....x... ..x...x...x...x.
funk
  style bpm 92 122 / harmony vamp / band soul / swing 0.35 0.52 0.6 16 / chords seventh / weight 1.4
  drums K x.x.......x..x.. S ....X..g.g..X..g H xxxx*4 / K X..x..x...x..... S ....X..g.g.gX.g. H x.xxx.xxx.xxx.ox
  drums K x.....x..xx..... S ....X..X.g..X..g H x.x.*4
  drums K x......x..x..x..|..x....x..x..x.. S ....X..g.g....X.|.g..X..g.g..X... H XgxgXgxo*2
  drums K ...x..x...x..x.. S ....X.......X..g H .xx.*4
  bass 1..1...8..71..5a 1......81...3.5. ..1.81...81.7.5. .1.8*4 1...........7181
  chords .x.xx..x.x.xx..x ..x...x.....x..x x.xxx.xxx.xx.xx. ...x.......x.... .xx.*4 x......x..x.....
disco
  style bpm 110 130 / harmony dance / band soul / layers pad 2 perc 1.5 / chords seventh
  drums K X...*4 S ....X.......X... O ..X.*4 H x...*4 / K x...*4 S ....X.......X... H xxoxxxoxxxoxxxox
  drums K x...*4 c ....X.......X... H xxXx*4 t ..X.*4
  bass 1.8.*4 1.818.8.*2 ..1.8.1...5.8.a.
  chords .xx.xx.x.xx.xx.x ..x.*4 x..x..x...x.x... xxxx*4
soul
  style bpm 72 118 / harmony pop / band soul / swing 0.3 0.54 0.66 8 / threes 0.1 / sixes 0.12 / chords seventh
  drums K x.....x...x..... S ....X.......X... H x.x.*4 / K x..x....x..x.... S X...*4 H x.x.*4
  drums K x......xx....... r ....x.......x... H xgxg*4 / K x.x.....x.x..... S ....X..g....X... t ....X.......X...
  drums K x.......x....... S ....X.......X... H x.x.*4 / K x...*4 S ....X.......X... t ..X.*4
  bass 1..1..5.6..5..a. 1.....3.5...6.5. ..1...5...8...5.
  chords ....x.......x... ..x...x...x...x. x..x..x......... x---..x-x---..x-
reggae
  style bpm 66 92 / harmony vamp / band reggae / swing 0.45 0.54 0.66 16 / layers comp 1.5 perc 1.3 / echo 0.35
  style weight 1.4
  drums K ....X.......X... r ....X.......X... H x.x.*4 / K ....x.......x... r ....x.......x..? H x.xx*4
  drums K x...*4 r ....X.......X... H ..x.*4 / K x.......x....... S ....x..x....x... H X.x.*4
  drums K ....X.......X... H ..X.*4 U ...........x.x..
  bass ..11..3.5....... 1..1..1.....5.3. ....1.1.3..5.... .....1.11.3.5.3. 1-..5-..1..15...
  chords ..X.*4 ..xx*4 ..X.*4 .xx.*4
ska
  style bpm 112 168 / harmony pop / band ska / swing 0.3 0.55 0.66 8 / layers comp 1.5 / weight 1.3
  drums K ....X.......X... S ....X.......X... H x.x.*4 / K x...*4 r ....X.......X... H ..X.*4
  drums K x.......x....... S ....X.......X... O ..x.*4
  bass 1.3.5.6.8.6.5.3. 1...3...5...6... ..1.5.1.*2
  chords ..X.*4 ..x.*4 ..xx*4
salsa
  style bpm 85 110 / harmony latin / band latin / layers comp 1.4 perc 1.6 / chords seventh
  drums w x.x.*4 g ..x...xx..x...xx v x..x..x...x.x...
  drums K ......x...x..... B x.xxx.x.x.xxx.x. f ..x...xx*2 v ..x.x...x..x..x. / w x...x.xx*2 e ..x...x.*2 u x.xx*4
  drums K x.....x. P ..x...x. g x.xxx.x.x.xxx.x.
  perc f ..x...xx*2 / a xgxgxgx.*2 b ......x.*2 / v x..x..x...x.x...
  bass ...1..5-*2 1--5---8---..... ......5-....1---|......5-....1-5- ...5..1-...5..a-
  chords x.xx.x.xx.x.x.x. .x.x.xx.xx.x.x.x x..x..x...x.x...|..x.x...x..x..x. l.xl.x.xl.x.x.xl
bossa
  style bpm 108 148 / harmony jazz / band bossa / layers comp 1.4 / chords seventh
  drums K x..xx..xx..xx..x r x..x..x...x..x.. H xxxx*4 / K x.....xx.....xx. r ..x..x....x..x.. H x.x.*4
  drums k x..x*4 r x.....x.....x...|....x.....x..... Q xgXg*4
  bass 1--51--51--51--5 1-----5-5-----1- 1--15--5*2
  chords x..x..x...x..x.. x.....x..x..x... ..x..x..x...x..x l.xxl..xl.xxl.x.
samba
  style bpm 92 120 / harmony latin / band samba / layers perc 1.8 / chords seventh
  drums K x..xX..x*2 S xggxggxgxggxgxgg Q XxxX*4 / k g...X...*2 t XgxXXgxX*2 r x.x..x.x.x.x..x.
  drums F ....X..x*2 S gxgXgxgX*2 w x.x..x.xx.x.x...
  perc n x.x..x.x.x..x.x. / Q XgxX*4 / j x.xx*4
  bass 1..15..5*2 1..8...5*2
  chords .x.x..x.x.x..x.. x..x..x..x.x..x. ..xx*4
afrobeat
  style bpm 96 126 / harmony vamp / band soul / layers perc 2 / weight 1.3
  drums K x.x...x...x..x.. S ....g..x....g.x. H x.xx*4 / K x..x..x...x..... r ..x..x...x..x... O ..x.*4
  drums K ..x..x....x..x.. S ....x..x.g..x..x H x.x.x.xx*2 / K x.....x.....x... r x..x...x..x.x... Q xgXg*4
  perc w x..x..x...x.x... / Q XgxX*4 / e x..x..xx*2 f ....x.......x.x. / v x.x.xx.x.x.x
  bass 1..1..3...1.5.7. ..1..1..8.7.5... 1.........1.3.5.
  chords x..x..x...x.x... .xx.*4 ..x..x..x..x..x. ...x..x....x..x.
jazz swing
  style bpm 100 210 / harmony jazz / band jazz / swing 1 0.58 0.7 8 / threes 0.18 / layers perc 0.2 lead 1.3
  style kit 32 40 0 / chords seventh / weight 1.2
  drums R x...x.x.x...x.x. P ....x.......x...
  drums R x...x.x.x...x.x. P ....x.......x... S ......g......?.. K ..........?.....
  drums R X...x.x.X...x.x. P ....x.......x... S ..?..?......?.g. K g...*4
  drums H x...o.x.x...o.x. K g...*4 r ............x... / S x...X.x.x...X.x. P ....x.......x...
  bass 1...3...5...a... 1...2...3...5... 1...5...8...a... 1.......5.......
  chords ......x......x.. x.....x......... ..x.......x-.... x...*4 ..x...x...x...x. x-----x---......
blues shuffle
  style bpm 62 138 / harmony blues / band blues / triple 1 / chords seventh / weight 1.2
  drums K x..x..x..x.. S ...X.....X.. H x.x*4 / K x....xx..... S ...X.....X.. R x.x*4
  drums K x.....x..x.x S ...X..g..X.g H xxx*4 / K x..x..x..x.. S x.gX.gx.gX.g H x.x*4
  bass 1..3..5..6.. 1.13.35.56.5 1..1..5..5.. 1....15....1 8.76.51.35.a
  chords x.x*4 ..x*4 x....xx..... ...x.....x.. xxx*4 x--..x......
country train
  style bpm 92 128 / harmony folk / band country / swing 0.15 0.54 0.62 16 / threes 0.15 / kit 0 40 / fast 0.6
  drums K x...*4 S xgXgxgXg*2 / K x.......x....... S ggXg*4 P ..x.*4
  drums K x.......x....... r ....x.......x... H x.x.*4 / K x...x... S ..X...X. H xxxxxxxx
  bass 1...5...*2 1...5...1.1.2.a.
  chords l.x.b.x.*2 l.xxb.xx*2 ..x.*4 x.xx*4
polka
  style bpm 104 136 / harmony oompah / band brass / beats 2 / layers lead 1.4 comp 1.4 / kit 0 48 / fast 0.7
  style feels 0 / weight 0.7
  drums K x...x... S ..x...x. / K x...x... S ..xx..x. H ..x...x. / K x...x... P ..x...x. C X.......
  bass 1...5... 1...5...|3...5...
  chords ..x...x. ..xx..x. l.x.b.x.
march
  style bpm 96 126 / harmony oompah / band brass / sixes 0.25 / layers lead 1.5 perc 0.4 / kit 48 0 / feels 0
  drums K x.......x....... S x.xxx.xxx.x.xxxx / K X...x...X...x... S ..x...x...x.xxxx C X.......X.......
  drums k x.......x....... S xgggxgggxgxgXggg / K x...*4 S X..xX.x.X..xX.dd
  bass 1...5...*2 1.......5.......
  chords ..x.*4 ..xx*4 x...x...x.x.x...
waltz
  style bpm 84 186 / harmony oompah / band waltz / swing 0.25 0.56 0.68 8 / beats 3 / kit 32 40 0 / free rubato
  style feels 0 / weight 3.5
  drums K x........... P ....x...x... / K x........... S ....g...g... H x...x...x... / R x...x.x.x... P ....x.......
  drums K x.......?... r ....x...x... / K x..... S ....x. H x.x.x.
  bass 1........... 1-------5... 1...3...5... 1-----------|5-----------
  chords ....x...x... l...x...x... ..x...x...x. x----------- l.x.x.x.x.x. x...x-----x.
six-eight ballad
  style bpm 60 84 / harmony pop / band pop / beats 2 / triple 1 / sixes 1 / layers pad 1.5 / free rubato / feels 0
  like six
chiptune
  style bpm 110 184 / harmony dance / band chip / threes 0.08 / layers arp 3 lead 1.4 pad 0.3 / kit 24 25
  style free machine / fast 0.7 / echo 0.35 / weight 1.2
  drums K x...x... S ..x...x. H xxxxxxxx / K x.....x.x....... S ....X.......X... H x.x.*4
  drums K x..x..x...x.x... s ....X.......X.xx H ..x.*4 / s ....x.......x..x Q xxxx*4
  bass 1.8.*4 1.1.*4 1..8..1.1..8..5. ..1.*4
  chords ..x.*4 x..x..x.*2 x-------x-------
tracker demo
  style bpm 118 150 / harmony dance / band synth / layers arp 3 pad 1.6 / kit 24 25 0 / free machine / build 1
  style echo 0.6 / weight 1.3
  drums K x...*4 S ....X.......X... O ..X.*4 / K x.x.......xx.... S ....X..g.g..X..g H x.x.*4
  drums K x..x..x...x..x.. S ....X.......X..x H xgXg*4 / K ....x.x....x.... s ........X..x..x. H .xX.*4
  bass 1..1..1.*2 ..1.*4 .1.1*4 1...8..1...1..8.
  chords ..x.*4 x..x..x..x..x.x. x---------------
ambient
  style bpm 60 110 / harmony pop / band air / threes 0.25 / sixes 0.06 / layers drums 0 perc 0 pad 3 arp 3 lead 0.5
  style chords seventh / fast 0.25 / feels 0 / echo 0.5
  bass 1--------------- 1-------5-------
  chords x--------------- x-----x--------- ..x...x...x...x.
orchestral
  style bpm 66 160 / harmony classic / band orch / threes 0.3 / sixes 0.1 / layers drums 0 perc 0 pad 1.8 arp 1.3
  style kit 48 / free rubato / feels 0
  perc C X...............|................ / k x.......x....... / S x.xxx...*2 / i x...*4
  bass 1...1...1...1... 1--------------- 1.......5....... 1..1..1...1.1... 1.11*4
  chords x.x.*4 x.xx*4 ..x.*4 x--------------- x..x..x...x.x... xxx*4 x...*4
piano solo
  style bpm 60 150 / harmony classic / band piano / swing 0.12 0.56 0.68 8 / threes 0.35 / sixes 0.12
  style layers drums 0 perc 0 pad 0 lead 1.6 arp 1.2 / free rubato / feels 0
  bass 1---5---8---5--- 1-------5------- 1...8...*2 1.5.8.5.*2 158513
  chords ..x...x...x...x. x---x---x---x--- lhxh*4 ...x..x...x..x.. ..x.*4 x..x..x.*2
string solo
  style bpm 66 140 / harmony folk / band guitar / threes 0.35 / sixes 0.12
  style layers drums 0 perc 0 pad 0 comp 1.6 lead 1.2 / free rubato / feels 0
  bass 1---........5--- 1.......5....... 1..5..8.*2
  chords lhxh*4 l.hxh.x.*2 x..xx.xx*2 x...xx.xx.xxx.xx ..x.*4 lxh*4 l..h..x.l..h..x.
folk reel
  style bpm 94 122 / harmony folk / band folk / swing 0.3 0.52 0.6 16 / beats 2 / layers lead 1.6 drums 0.6 perc 1.2
  style fast 0.9 / feels 0 / weight 0.7
  drums K x...x... S ..x...x. / F x.gxx.gx / K x....... t ..x...x. / S xgXgxgXg K x...x...
  perc F x.gxx.gx / t ..x...x. / y x...x...
  drums K x...x... H ..x...x. / S x.x.X.x. / K x.......
  bass 1...5... 1...1.5. 1-------
  chords ..x...x. l.xxb.xx x..xx.xx x.Xxx.Xx
folk jig
  style bpm 100 128 / harmony folk / band folk / beats 2 / triple 1 / layers lead 1.6 drums 0.6 / fast 0.9 / feels 0
  style weight 0.6
  drums K x..x.. S ..x..x / F X.gX.x / K x..... t ..xx.x / F XggXgg K x..... / S x.xx.x K x..x..
  perc F x.gx.g / t ..x..x
  like six
march band
  style bpm 104 168 / harmony rock / band brass / swing 0.1 0.55 0.62 16 / layers pad 0.3 arp 0.2 / kit 48 0 16
  style feels 0.05
  drums K x...x.x.x...x... S xgxxXgxgxxgxXgdd C ....x.......x... / k x..x..x.x..x..x. S xxXxxXxxXxxXxxXx
  drums K x.......x.x..... S ..X..xX.x.X.dddd F ........x.x.....
  drums K X...X...X.X.X... S gxgXgxgXggXgggXg G ....x.......x...
  bass 1.1.5.5.*2 1..1..1.5.5.a.a. 1...5...8..5..a.
  chords ..x.*4 x..x..x.....x.x. x-..x-..x.x.x-.. ....x.......x...
d-beat
  style bpm 150 205 / harmony rock / band metal / layers pad 0.2 arp 0.2 perc 0.1 / kit 16 8 0
  style chords power / fast 0.35 / weight 0
  drums K x..x.x.. S ..X...X. H x.x.x.x. / K x..x.x.x S ..X...X. C x.x.x.x. / K x.xx.xx. S ..X...X. O x.x.x.x.
  drums K x..x.x.. S ..X...X. O .x.x.x.x / K x.x.x.x. S .X.X.X.X H xxxxxxxx / K ...x.x.x S ..X...X. G x.x.x.x.
  bass 1.1.*4 1..11.1.1..11.1. 1111*4 1-----1-----1-1-
  chords x.x.*4 xxxx*4 x--x--x-x--x--x- ..x.*4 x.......x.....x. .xx.*4 X..X..X.X..X..X.
pushing metal
  style bpm 118 180 / harmony metal / band metal / threes 0.05 / layers pad 0.4 arp 0.4 perc 0.1 / kit 16 8 0
  style chords power / feels 0.1 / weight 0
  drums K ..x.*4 S ......X.......X. H ..x.*4 / K ..x...x...x...xx S ..X...X...X...X. O ..x.*4
  drums K ..x.x...x.x...x. S ......X.......X. R x...*4 / K x.....x...x...x. S ..X.......X..... G ..x.*4
  drums K ..x...x.x.....x. S ....X.......X... C ..x.*4 / K .x.x.x.x.x.x.x.x S ..X.......X..... H ..x.*4
  drums K ...x..x....x..x. S ......X.......X. O ..X.*4 / K x...*4 S ..X.*4 C ..x.*4 / K xx..*4 S ..X.*4 O ..x.*4
  bass 1...*4 1.1.*4 1111*4 1-------1------- 1..1..1...1.1... ..1.*4
  chords ..x.*4 ..X...X...X...X. .xxx*4 ..xx*4 X...X..X..X...X. x.xX*4 xxXx*4 ...x..x....x..x. x-------x-----x-
  chords ..X-..X-..X-..X- x..x..x..x..x..x|..x..x..x..x..x.
half-time metal
  style bpm 120 200 / harmony metal / band metal / layers pad 0.6 arp 0.4 perc 0.1 / kit 16 8 0 / chords power / feels 0
  style weight 0
  drums K x............... S ........X....... C x...*4 / K x.....x...x..... S ........X....... O x...*4
  drums K x.x...x.....x.x. S ........X....... G x...x...x...x... / K xxxx*4 S ........X....... C x...*4
  drums K x..x..x..x..x..x|..x..x..x..x..x. S ........X....... R x...*4 / K x.xx..xx..x.xx.. S ........X....... C x...*4
  drums K ......x.....x... S ........X....... H x.x.*4 / K x.......x....... S ........X......g O x.......x.......
  bass 1111*4 1.11*4 1..1..1..1..1..1|..1..1..1..1..1. 1-------1-----2- 1.....1...1.....
  chords xxxx*4 xxXxxxXxxxXxxXxx x.xx..xx..x.xx.. Xxx*4 x..x..x..x..x..x|..x..x..x..x..x. x-----------x-x-
blast
  style bpm 160 212 / harmony metal / band metal / layers pad 0.6 arp 0.3 perc 0.1 / kit 16 8 0
  style chords power / fast 0.4 / weight 0
  drums K x.x.*4 S .x.x*4 C x...*4 / K xxxx*4 S ..X.*4 R x...*4 / K xxxx*4 S x.x.*4 C x...*4
  drums K x.x.*4 S ..X.*4 H x.x.*4 / K xxxx*4 S ....X.......X... C x.x.*4 / K xxxx*4 S ........X....... G x...*4
  drums K xxxx....xxxx.... S ....X...X...X... C x...*4 / K x.xxx.xxx.xxx.xx S ....X.......X... R x.x.*4
  bass 1111*4 1.1.*4 1-------1-----2-
  chords xxxx*4 x-x-*4 X---X---X---X-X- x-------x------- xxXxxxXxxxXxxXxx
surf
  style bpm 144 190 / harmony rock / band band / layers pad 0.2 arp 0.3 perc 0.2 / kit 0 8 / chords triad / fast 0.7
  style weight 0
  drums K x.......x....... S ....X.X.....X... R x.x.*4 / K x...x...x...x... S ....X.X.....X... H x.x.*4
  drums K x.......x.x..... S ....X.X.....X.X. L ..x.*4 / M x.xxx.xxx.xxx.xx F ....x.......x... K x...*4
  bass 1.1.*4 1...3...5...3... 1.1.5.5.1.1.5.a.
  chords ..x.*4 ..x...xx..x...x. x-..x-..x-..x-.. x...*4
tribal
  style bpm 88 160 / harmony vamp / band pop / layers perc 1.2 pad 1.6 arp 1.4 / kit 0 8 16 24 / free machine / weight 0
  drums F x..x..x...x..x.. M ....x.......x.x. K x.......x....... / L x.xxx.xx*2 F x.......x..x.... S ....X.......X...
  drums U ....x..x..x..... L ..x.....x...x... F x.....x......x.. K x...*4
  drums F x.x.*4 L ...x...x...x..xx c ....X.......X...
  drums K x.......x....... L ..xx..x...xx..x. M ......x.......xx S ....X.......X... / F x...x.x.x...x.xx H ..x.*4
  bass 1.1.*4 1..1..1.1..1..5. 1.1.1.1.1.1.8.5. 1..1..8.*2 ..1.*4 1111*4
  chords x--------------- ..x.*4 x..x..x...x.x... x-------x-------
boom
  style bpm 80 150 / harmony dance / band hip / layers perc 0.8 pad 1.4 / kit 24 25 / chords seventh
  style free machine / weight 0
  drums K x......x..x..... c ....X.......X... H xxxx*4 / K x.....x..x...... r ....X.......X... H x.x.x.d.x.x.x.t.
  drums H x.x.*4 c ....X.......X... / K x...*4 c ....X.......X... O ..x.*4
  drums K x..x......x..... S ........X....... H x.xx*4
  bass 1..1..1.1..1..8. 1.....1...1..... 1..1...1..1.5.8. 1.1.8.1.1.5.8.a. ..1...1...1.8... 1..8..1..8..1.8. 1.11*4
  chords x--------------- ......x......... x--x--x---x-----
"""


@dataclass(frozen=True)
class Style:
    """What a style is made of; `layers` scales how often each layer plays, `free` says how it keeps time."""

    bpm: tuple[float, float]
    harmony: str
    programs: dict[str, tuple[int, ...]]
    swing: tuple[float, float, float, int] = (0.08, 0.53, 0.66, 16)  # chance, from, to, of which note
    beats: int = 4
    triple: bool = False
    threes: float = 0.0
    sixes: float = 0.0
    layers: dict[str, float] = field(default_factory=dict)
    kit: tuple[int, ...] = (0, 8)
    chords: str = "triad"
    free: str = "live"  # or machine, rubato
    fast: float = 0.5  # of the melody: how many of its places are played
    feels: float = 0.12
    build: bool = False
    echo: float = 0.08
    weight: float = 1.0


def _read() -> tuple[dict[str, "Style"], dict[str, dict[str, tuple[str, ...]]]]:
    """The styles, and of each name its figures: drums, perc(ussion), bass, chords."""
    styles: dict[str, Style] = {}
    figures: dict[str, dict[str, tuple[str, ...]]] = {}
    name, options = "", {}
    for line in _TABLE.strip().splitlines():
        kind, _, rest = line.strip().partition(" ")
        if not line.startswith(" "):
            name, options = line, {}
            figures[name] = dict.fromkeys(("drums", "perc", "bass", "chords"), ())
        elif kind == "style":
            options |= dict(option.split(" ", 1) for option in rest.split(" / "))
            styles[name] = _style(options)
        elif kind == "like":
            figures[name] |= {key: figures[name][key] or value for key, value in figures[rest].items()}
        else:
            words = rest.split(" / " if kind in ("drums", "perc") else None)
            figures[name][kind] = (*figures[name].get(kind, ()), *words)
    return styles, figures


def _style(options: dict[str, str]) -> Style:
    """A style from its options as the table has them."""
    roles = [tuple(int(program) for program in part.split()) for part in _BANDS[options["band"]].split("/")]
    values: dict = {"programs": dict(zip(("bass", "comp", "lead", "pad", "arp"), roles))}
    for each in fields(Style):
        words = options.get(each.name, "").split()
        if each.name == "layers":
            values["layers"] = {role: float(scale) for role, scale in zip(words[::2], words[1::2])}
        elif each.name in ("harmony", "chords", "free") and words:
            values[each.name] = words[0]
        elif each.name in ("bpm", "swing", "kit") and words:
            values[each.name] = tuple((int if each.name == "kit" else float)(word) for word in words)
        elif words:
            values[each.name] = type(each.default)(float(words[0]))
    return Style(**values)


STYLES, FIGURES = _read()
HARD = tuple(name for name, style in STYLES.items() if not style.weight)  # styles that are composed on their own
