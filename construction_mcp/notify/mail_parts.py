"""A message as mail shows it: plain text for every reader, and HTML for those who have a choice."""

from html import escape

from construction_mcp.notify.message import OPEN, Line, Message, Section

_SENT_BY = "Sent through construction-mcp."
_FONT = "font-family:Segoe UI,Helvetica,Arial,sans-serif"


def plain(message: Message) -> str:
    """Text of its own, no markup, and who sent it."""
    return f"{paragraphs(message)}\n\n-- \n{_SENT_BY}\n"


def paragraphs(message: Message) -> str:
    """The text and the lists below: each item has a dash, its link a line of its own."""
    link = [f"{OPEN}: {message.link}"] if message.link else []
    return "\n\n".join([message.text, *link, *(_plain_section(section) for section in message.sections)])


def _plain_section(section: Section) -> str:
    lines = [f"- {line.text}" + (f"\n  {line.link}" if line.link else "") for line in section.lines]
    return "\n".join([section.title, *lines, *_more(section)])


def _more(section: Section) -> list[str]:
    return [f"  and {section.more} more"] if section.more else []


def html(message: Message) -> str:
    """The same as one page: no images, no scripts, nothing that is fetched; every text escaped."""
    paragraphs = "".join(f'<p style="margin:0 0 12px">{_text(part)}</p>' for part in message.text.split("\n\n"))
    link = f'<p style="margin:0 0 12px">{_html_line(Line(OPEN, message.link))}</p>\n' if message.link else ""
    sections = "".join(_html_section(section) for section in message.sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(message.subject)}</title></head>\n"
        f'<body style="margin:0;padding:16px;{_FONT};font-size:15px;line-height:1.45;color:#1f2328">\n'
        f'<h1 style="font-size:18px;margin:0 0 12px">{escape(message.subject)}</h1>\n{paragraphs}\n{link}{sections}'
        f'<p style="margin:20px 0 0;font-size:12px;color:#59636e">{escape(_SENT_BY)}</p>\n</body></html>\n'
    )


def _html_section(section: Section) -> str:
    lines = "\n".join(f'<li style="margin:0 0 6px">{_html_line(line)}</li>' for line in section.lines)
    more = f'<p style="margin:0 0 12px">and {section.more} more</p>\n' if section.more else ""
    title = f'<h2 style="font-size:15px;margin:16px 0 6px">{escape(section.title)}</h2>'
    return f'{title}\n<ul style="margin:0 0 12px;padding-left:20px">\n{lines}\n</ul>\n{more}'


def _html_line(line: Line) -> str:
    return f'<a href="{escape(line.link)}">{escape(line.text)}</a>' if line.link else escape(line.text)


def _text(paragraph: str) -> str:
    return escape(paragraph).replace("\n", "<br>\n")
