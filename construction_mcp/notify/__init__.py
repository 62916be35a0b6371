"""Telling people: what a notification says, how each channel shows it, and bringing it there.

A notification is said once (`message.Message`) and laid out per channel. Where a channel has text that is never read as
markup (Slack's rich text, Teams' text runs), everything goes there; where it has none (HTML mail), it is escaped. Text
from records is cleaned of invisible and steering characters before anything else looks at it.
"""
