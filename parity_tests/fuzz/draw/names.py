"""Names that are awkward in a header, in a path or in a file system. Pure."""

AWKWARD = (
    'a "quoted" name', "it's", "a;b=c", "a\\b", 'a\\"b', "a,b", "a\r\nX-More: 1", "a\nb", "a\tb", "ñandú", "e\u0301", "İ", "名前",
    "😀", "a/b", "../../a", "a%20b", "a%0d%0ab", "a b  c", " a", "a ", ".", "..", "a.zip", "CON", "", "ÿ", "\x7f", "\x01", "a\u2028b",
    "\u202eb", "a*b?", "<b>", "a=b", "utf-8''a", "x" * 200, "ñ" * 100,
)  # fmt: skip
FILE_NAMES = (
    "a.ZIP", "a.zip.txt", "../a.zip", "a", ".zip", "ñ.zip", "a b.zip", "a;b.zip", "C:\\a.zip", "/tmp/a.zip", "a.zip ",
)  # fmt: skip
