"""A local Procore with invented data: the other side of every test, the demo and other people's clients.

It imports nothing of ours but `core` and shares no code with the client, so that a wrong belief about Procore cannot
hide by being wrong on both sides. How a request passes:

    app.py        ledger, scripted faults, bearer, company header, rate windows, then the route
    routing.py    path templates as Procore's reference writes them; an unknown one answers 501
    areas/        one file per Procore tool: which fields, which filters, which views, what is particular
    operations.py the list, show, create, update and delete that areas are made of
    world.py      every record, in memory, optionally journalled to a file (journal.py)
    sample/       the invented company; made per project on first use, so start-up costs nothing
    oauth.py limits.py faults.py deliveries.py control.py   what their names say

"FACTS n" in a docstring is a section of the reference pack's FACTS.md; where its sources disagree (FACTS 13), the
behaviour is a named switch (switches.py).
"""
