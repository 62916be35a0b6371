"""No text becomes markup, whatever it is and wherever it stands."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.server.dashboard.markup import Html, el, joined

HOSTILE = st.text() | st.sampled_from(["</p>", '"', "'", "<script>", "&lt;", "{{x}}", "\x00", "\u202e", "<!--", "]]>"])


class Seen(HTMLParser):
    """What a parser finds: elements, attributes, text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(HOSTILE, HOSTILE)
def test_text_stays_text_in_content_and_attributes(text, value):
    seen = Seen()
    seen.feed(el("p", text, title=value))
    seen.close()

    assert seen.tags == ["p"]
    assert [name for name, _ in seen.attributes] == ["title"]


def test_markup_with_text_added_by_hand_is_text_again():
    """`+` and f-strings give plain text, so nobody escapes twice too little."""
    unsafe = el("b", "x") + "<i>"

    assert joined(unsafe) == "&lt;b&gt;x&lt;/b&gt;&lt;i&gt;"
    assert joined(f"{el('b', 'x')}") == "&lt;b&gt;x&lt;/b&gt;"


def test_what_turns_text_around_or_is_not_seen_is_left_out():
    assert el("p", "a\u202eb\u200bc") == "<p>abc</p>"


def test_nested_children_nothing_and_flags():
    made = el("ul", [el("li", one) for one in (1, "two")], None, hidden=True, class_="x", aria_label=None, open=False)

    assert made == '<ul hidden class="x"><li>1</li><li>two</li></ul>'
    assert isinstance(made, Html)
