"""Carrying workflows out: durably, once, and able to say at any moment what is waited for.

The brain is `advance`, which is pure; `runner` performs single steps; `embedded` drives executions on this process's
own database and is one implementation of `port.EnginePort`. Triggers, approvals and alerts are services beside it.
"""
