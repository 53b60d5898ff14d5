"""What an attacker writes: each payload has a marker in it, a word that must show on the screen as it is.

The terminal's side is named as in xterm's ctlseqs (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
"""

import json
import re
from pathlib import Path

DATA = json.loads((Path(__file__).parents[1] / "data" / "hostile.json").read_text())
MARKUP: list[str] = DATA["markup"]

ST, BEL = "\x1b\\", "\x07"

_STRINGS = {
    "osc_4_colour": "4;1;rgb:ff/00/00", "osc_7_folder": "7;file://h/etc", "osc_8_script": "8;;javascript:alert(1)",
    "osc_8_file": "8;id=x;file:///etc/passwd", "osc_9_notify": "9;note", "osc_9_progress": "9;4;1;50", "osc_10_query": "10;?",
    "osc_11_colour": "11;#ff0000", "osc_12_colour": "12;red", "osc_21_kitty_colour": "21;foreground=?", "osc_22_pointer": "22;wait",
    "osc_50_font": "50;#9", "osc_52_query": "52;c;?", "osc_52_clear": "52;c;!", "osc_52_primary": "52;p;QUJD",
    "osc_66_size": "66;s=7;big", "osc_99_kitty_note": "99;i=1:d=0;note", "osc_104_reset": "104", "osc_133_prompt": "133;A",
    "osc_133_end": "133;D;0", "osc_633": "633;E;ls", "osc_777_notify": "777;notify;a;b", "osc_1337_file": "1337;File=inline=1:AAAA",
    "osc_1337_copy": "1337;CopyToClipboard=general", "osc_1337_attention": "1337;RequestAttention=fireworks",
    "osc_5522_clipboard": "5522;type=read", "osc_l_label": "lLabel",
}  # fmt: skip
_DEVICE_STRINGS = {
    "sixel": "P0;0;0q#0;2;0;0;0#0~~@@vv", "decrqss": "P$qm", "xtgettcap": "P+q544e", "decudk": "P0;1|17/0d", "decdld": "P1;1;1{ @?",
    "kitty_delete": "_Ga=d", "kitty_query": "_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA", "apc_screen": "_screen", "pm_status": "^pm",
    "sos_text": "Xsos", "tmux_passthrough": "Ptmux;\x1b\x1b]52;c;QUJD\x07", "screen_title": "ktitle",
}  # fmt: skip
_CONTROLS = {
    "csi_8bit": "\x9b2J", "csi_8bit_mode": "\x9b?1049l", "dcs_8bit": "\x90q#0~\x9c", "apc_8bit": "\x9fGa=T\x9c",
    "osc_8bit": "\x9d2;t\x07", "pm_8bit": "\x9epm\x9c", "sos_8bit": "\x98sos\x9c", "ind": "\x84", "hts": "\x88", "ri": "\x8d",
    "ss2": "\x8e", "ss3": "\x8f", "decid": "\x9a", "c1_all": "".join(map(chr, range(0x80, 0xA0))),
    "c0_all": "".join(map(chr, [*range(9), *range(11, 32), 127])), "ris": "\x1bc", "decstr": "\x1b[!p", "decaln": "\x1b#8",
    "decsc": "\x1b7\x1b[9;9H\x1b8", "deckpam": "\x1b=", "charset": "\x1b(0qqq", "utf8_off": "\x1b%@", "vt52": "\x1b[?2l\x1bY !",
    "margins": "\x1b[?69h\x1b[3;9s", "region": "\x1b[2;3r", "origin": "\x1b[?6h", "scroll_up": "\x1b[9S", "insert_lines": "\x1b[9L",
    "delete": "\x1b[9P", "erase_line": "\x1b[2K", "erase_history": "\x1b[3J", "repeat": "x\x1b[1000000b", "insert_mode": "\x1b[4h",
    "echo_mode": "\x1b[12h", "newline_mode": "\x1b[20h", "conceal": "\x1b[8m", "colour": "\x1b[38;2;0;0;0;48;2;0;0;0m",
    "cursor_up": "\x1b[999A", "cursor_to": "\x1b[1;1Hx", "cursor_hidden": "\x1b[?25l", "cursor_shape": "\x1b[5 q", "print": "\x1b[5i",
    "print_dec": "\x1b[?5i", "window_move": "\x1b[3;0;0t", "window_size": "\x1b[8;3;3t", "window_title": "\x1b[21t",
    "window_icon": "\x1b[2t", "pixels": "\x1b[14t", "da2": "\x1b[>c", "da3": "\x1b[=c", "xtversion": "\x1b[>0q", "dsr_5": "\x1b[5n",
    "dsr_position": "\x1b[?6n", "decrqm": "\x1b[?1049$p", "mouse": "\x1b[?1003h\x1b[?1006h", "focus": "\x1b[?1004h",
    "paste_mode": "\x1b[?2004l", "paste_marks": "\x1b[200~\x1b[201~", "keyboard_push": "\x1b[>31u", "keyboard_set": "\x1b[=31;1u",
    "keyboard_query": "\x1b[?u", "other_keys": "\x1b[>4;2m", "answerback": "\x05", "shift_out": "\x0e\x0f", "bells": "\x07" * 30,
    "backspaces": "\b" * 60, "xoff": "\x13\x11", "nul": "\0\0", "escapes": "\x1b\x1b\x1b[2J", "escape_in_csi": "\x1b[1\x1b[2J",
    "cancelled": "\x1b]0;a\x18b\x1ac", "newline_in_csi": "\x1b[\r2J", "many_parameters": "\x1b[" + "1;" * 40 + "m",
    "colons": "\x1b[4:3m\x1b[58:2::9:9:9m", "huge_parameter": "\x1b[99999999999999999999H", "unclosed_osc": "\x1b]0;",
    "unclosed_dcs": "\x1bP", "long_osc": "\x1b]0;" + "t" * 40 + "\x07", "carriage_returns": "\r\r\r", "deletes": "\x7f" * 20,
}  # fmt: skip
_CHARACTERS = {
    "bidi_override": "\u202edesrever\u202c", "bidi_isolate": "\u2067x\u2069", "bidi_embedding": "\u202bx",
    "bidi_marks": "\u200f\u200e\u061c", "tags": "\U000e0041\U000e0042\U000e007f", "zwsp_flood": "\u200b" * 40,
    "zwj_flood": "👩" + "\u200d" * 40, "zwnj_flood": "\u200c" * 40, "word_joiners": "\u2060\u2061\u2064" * 50,
    "combining_flood": "e" + "\u0301" * 40, "marks_without_base": "\u0301\u0489\u20dd" * 5, "enclosing": "a\u20dd\u20e3" * 9,
    "variation_supplement": "\U000e0100" * 100, "soft_hyphens": "\xad" * 50, "graphemes_joined": "\u034f" * 50,
    "line_separators": "\u2028x\u2029", "nel": "\x85x", "bom": "\ufeff\ufffe", "annotation": "\ufff9a\ufffab\ufffb",
    "noncharacters": "\ufdd0\uffff\U0001fffe\U0010ffff", "fillers": "\u3164\u115f\uffa0\u1160", "surrogates": "\ud800x\udfff\udbff",
    "shorthand": "\U0001bca0\U0001d173", "hieroglyph_joiners": "\U00013000\U00013430\U00013001", "private": "\ue000\uf8ff\U000f0000",
    "stand_ins": "\U00100000\U00108001fake\U0010fffd\U00100001", "wide_arabic": "\ufdfd\u0601", "wide_cuneiform": "\U0001242b\U00012031",
    "jamo": "\u1100\u1161\u11a8" * 5, "indic": "\u0915\u094d\u0937\u0bcc\u1ac8", "thai": "\u0e33" * 9, "flags": "🇩🇪🇩",
    "keycap": "1\ufe0f\u20e3", "skin": "👍🏽🏽🏽", "family": "👨\u200d👩\u200d👧\u200d👦" * 3, "ambiguous": "①§─★☎", "rtl": "שלום مرحبا",
    "mongolian": "\u1820\u180e\u180b\u1820", "pictures": "␛[2J␇", "unassigned": "\U000e0fff\U0002fffd\u0378",
}  # fmt: skip
_ESCAPED = {
    "json_text": r"\u001b[2J", "c_text": r"\x1b[2J\033[2J\e[2J",
    "html_entities": "&#27;[2J&#x1b;[2J&ESC;&#x9b;&#8238;&#x202e;&rlm;&#0;&lrm;&shy;&ZeroWidthSpace;", "percent": "%1b[2J%9b%e2%80%ae",
    "caret": "^[[2J", "backslash": "\\\x1b[2J",
}  # fmt: skip


def _marked() -> dict[str, str]:
    ours = {
        **{name: f"\x1b]{text}{(ST, BEL)[number % 2]}" for number, (name, text) in enumerate(_STRINGS.items())},
        **{name: f"\x1b{text}{ST}" for name, text in _DEVICE_STRINGS.items()},
        **_CONTROLS, **_CHARACTERS, **_ESCAPED,
    }  # fmt: skip
    return {name: f"N{number:03}{text}n{number:03}" for number, (name, text) in enumerate(ours.items())}


OURS = _marked()
"""Markers before and behind: `N007`, `n007`."""

TERMINAL: dict[str, str] = {**{name: case["text"] for name, case in DATA["terminal"].items()}, **OURS}

RAW = (
    b"R01\xc0\x9b31m", b"R02\xe0\x80\x9b", b"R03\xf0\x80\x80\x9b2J", b"R04\x9b2J", b"R05\xff\xfe", b"R06\xed\xa0\x80",
    b"R07\xf4\x90\x80\x80", b"R08\xe6\xbc", b"R09\xc2", b"R10\xf8\x88\x80\x80\x80", b"R11\x90q\x9c",
)  # fmt: skip
"""Bytes that are no UTF-8, or not the shortest."""

_OURS_TOO = {"dsr_query", "decset_2026", "cr", "esc_bare_end"}
"""What the program sends itself, before or after some text."""

_ACTS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

NEEDLES = tuple(
    text.encode("utf-8", "replace")
    for text in (
        *(case["must_not_reach_the_terminal"] for name, case in DATA["terminal"].items() if name not in _OURS_TOO),
        *filter(_ACTS.search, OURS.values()),
    )
)
"""What must never be sent as it is."""


def one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")


def batches(texts: list[str], longest: int) -> list[str]:
    """Texts joined by blanks, so many that none is longer, unless one alone is."""
    found: list[str] = []
    for text in texts:
        if found and len(found[-1]) + 1 + len(text) <= longest:
            found[-1] += f" {text}"
        else:
            found.append(text)
    return found
