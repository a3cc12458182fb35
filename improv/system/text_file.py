"""The text of files that people edit: UTF-8, with a byte order mark or without.

Pure: bytes in, text out.
"""

import codecs

_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NoText(ValueError):
    """A file is not UTF-8 text; `line` is where that begins."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


def decoded(content: bytes) -> str:
    """Return a file's content as text, without a byte order mark; NoText if it is not UTF-8."""
    if content.startswith(_WIDE):
        raise NoText("this is UTF-16 or UTF-32 text, not UTF-8; save it as UTF-8", 1)
    content = content.removeprefix(codecs.BOM_UTF8)
    if b"\0" in content:
        wide = len(content) > 1 and 0 in content[:2]
        what = "this is UTF-16 text without its mark" if wide else "there is a NUL, so this is no text"
        raise NoText(f"{what}; save it as UTF-8", content.count(b"\n", 0, content.index(b"\0")) + 1)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NoText("this is no UTF-8 text; save it as UTF-8", line) from None
