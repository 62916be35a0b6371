"""How people on a site say things, and the one word that stands for each: `request for information` is `rfi`.

Goals, templates and action types are all read through it, so that they meet whatever words they use.
"""

import re


def words_of(text: str) -> frozenset[str]:
    """A set of words as it is readable in a source file."""
    return frozenset(text.split())


# word: the patterns it stands for. Earlier lines win where two begin at the same place: their phrases hold words of
# later ones.
_TABLE = r"""
ask_person: (?:let me|lets me|i|for me to|i can|until i|once i) (?:review|approve|check|correct|sign off); \
(?:with|after|for|without) (?:my|an?) (?:approval|ok|okay|sign-?off|review); my (?:approval|ok|okay); sign-?off; \
approve (?:it|them) (?:before|first); needs? (?:my )?approval; approvals?; approvers?; ask me (?:first|before); \
approves(?! (?:an?|the|my|our|any|some)\b)
due_soon: due soon; coming due; comes? due; about to be due; (?:almost|nearly) due; due (?:within|in|this|next); \
due (?:date )?(?:is )?(?:approaching|near); deadlines? (?:is |are )?(?:approaching|near|coming); \
before(?= (?:\w+ ){1,3}(?:is|are|comes?|goes?) (?:due|late|overdue))
overdue: overdue; past[ -]due; past (?:their|its|the) (?:due )?dates?; (?:are |is |running )?late(?! (?:in|at)\b); \
delinquent; behind(?: schedule)?; missed (?:their|its|the) (?:due dates?|deadlines?); sitting too long; aging; \
not (?:been )?answered(?: in time)?; unanswered; outstanding
missing: missing; not (?:been )?(?:filled|entered|written|done|filed|completed?)(?: (?:in|out))?; \
has ?n[o']t been (?:filled|entered|written|done|filed)(?: (?:in|out))?; nobody (?:wrote|filled in); \
no (?:daily log|log|entry|entries); forg[eo]t(?:ten|s)?; blank; fill(?:ing|ed)? (?:in|out)
action_item: action items?; to-?dos?; follow-?up items?; open items?; assigned items?

rfi: rfi'?s?; requests? for information; information requests?; questions? (?:to|for) (?:the )?architects?
submittal: submittals?; shop drawings?; product data; mock-?ups?
daily_log: (?:daily|site|job|field|foreman's|superintendent's) (?:construction |field |site )?\
(?:logs?|reports?|diar\w+); diar(?:y|ies); dailies; logs?(?! (?:an?|the|every|rain|weather|in|on|out|it)\b)
punch_item: punch ?-?lists?(?: items?)?; punch items?; punches; snag(?:s|ging)?(?: lists?| items?)?; deficiency lists?
observation: observations?(?: items?)?; safety notices?
inspection: inspections?; checklists?; inspected
incident: incidents?; accidents?; injur(?:y|ies)|near[ -]miss(?:es)?; hurt
meeting: meetings?; minutes of; oac; toolbox talks?
change_event: (?:potential )?change (?:events?|orders?); pcos?; ccos?; change ?order requests?
weather: weather; rain(?:s|ed|y|ing)?; storms?; snow(?:s|ed|ing)?; high winds?; hurricanes?; too wet
schedule_task: (?:project )?schedule (?:tasks?|activit(?:y|ies)); look-?aheads?; milestones?; gantt
photo: photos?; pictures?; images?
document: documents?; files?(?! an?\b); drawings?; spec(?:ification)?s?; plan sheets?

failed: fail(?:s|ed|ing|ures?)?; deficien(?:t|cies); (?:did ?n[o']t|does ?n[o']t|not) pass; non-?conform\w*
approved: (?:is |are |gets? |comes? back |been )?approved; approves; cleared; stamped; no exceptions? taken
review: review(?:s|ed|ing)?
draft: drafts?; drafted; propos(?:e|es|ed|al); suggest(?:s|ed)?; prepare(?:s|d)?
response: responses?; respond(?:s|ed)?; repl(?:y|ies|ied); answers?; answered
summary: summar(?:y|ies|i[sz]es?); recaps?; overviews?; round-?ups?; roll-?ups?; digests?; \
status (?:reports?|updates?); briefings?; snapshots?; reports?; lists?
status: status(?:es)?; where (?:things|we) stand; state of
reminder: remind(?:s|ers?|ed)?; nudge[sd]?; chas(?:e|es|er|ing|ed); ping(?:s)?; bug (?=\w); pester; nag
follow_up: follow(?:s|ing)?[ -]?ups?(?: with| on)?; corrective actions?
escalate: escalat(?:e|es|ion|ed); (?:my|the|his|her|their) boss; up the chain
new: new; created?; creates; comes? in; came in; opens|opened; raised?; raises; posted|posts; submits|submitted; \
logged; logs an?; gets? (?:added|entered|filed); added; files an?; writes up|written up; is issued; reported; \
uploaded|uploads
changed: chang(?:es|ed); updated?; updates; edited; moves; status (?:goes|turns); goes to; turns
closed: clos(?:e|es|ed|ing)(?! of\b); resolved; resolves
owner: owners?(?:'s)?(?: reps?| representatives?)?; clients?(?:'s)?
project_manager: (?<!\d )pms?; project managers?
superintendent: supers?; superintendents?; foremen|foreman; supes?
safety: safety; unsafe; hazards?; osha
delay: delay(?:s|ed)?; lost (?:time|days?|hours)|stopp(?:ed|age)s?; work stoppages?; shut(?:s|ting)? (?:us )?down
cost: costs?; pricing; dollars?; budgets?
forecast: forecasts?; predict(?:s|ions?)?
weekly: weekly; (?:every|each|per|once a|of the|this|the) week
project: projects?; jobs?(?! ?sites?); job ?sites?; sites?
"""
_PATTERNS = {
    word: patterns.replace("; ", "|")
    for word, _, patterns in (line.partition(": ") for line in _TABLE.replace("\\\n", "").splitlines() if line)
    if word
}
KINDS = words_of(
    """
    rfi submittal daily_log punch_item observation inspection incident meeting change_event weather schedule_task photo
    document
    """
)
"""Words that stand for a kind of record."""

CONCEPTS = frozenset(_PATTERNS)
_WEAK = words_of(
    "project weekly status response draft cost review safety owner superintendent project_manager reminder summary"
)
MOODS = CONCEPTS - KINDS - _WEAK
"""Words that say what happened to the records: an automation that lacks one of them does something else."""

_SAID = re.compile("|".join(rf"(?P<{word}>\b(?:{said})(?!\w))" for word, said in _PATTERNS.items()))
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+")
_WORD = re.compile(r"[a-z][a-z0-9_]+")
_EMPTY = words_of(
    """
    a an and any are as at be been before by but can could do does each every everyone everything for from get gets give
    has have he her him his how i if in into is it its just let like make me my need needs of on or our out please send
    she should so some tell that the their them then there they this to until up us want was we were what when whenever
    which who whose will with would you your about all also email mail notify alert know automatically automation
    workflow warn am pm oclock still not no yet more than
    """
)


def terms(text: str) -> list[str]:
    """The words of a text in their order: what is known by its one word, the rest as it is, without the empty ones.

    Addresses are not words: owner@builder.com does not speak of an owner.
    """
    plain = " ".join(_ADDRESS.sub(" ", text.lower().replace("\u2019", "'")).split())
    said = _SAID.sub(lambda found: f" {found.lastgroup} ", plain)
    return [word for word in _WORD.findall(said) if word not in _EMPTY]


def concepts(text: str) -> list[str]:
    """The known words of a text, each once, in the order in which they come."""
    return list(dict.fromkeys(word for word in terms(text) if word in CONCEPTS))
