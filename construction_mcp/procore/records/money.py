"""Money as Procore sends it: an amount in a string, its currency beside it. Source: FACTS 10.4."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,10})?", re.ASCII)  # an exponent or more digits are no amount of money


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount; `currency` is its ISO 4217 code where Procore tells it."""

    amount: Decimal
    currency: str | None


def money(value: Any, currency: str | None) -> Money | None:
    """An amount from a string or a number; None when it is neither."""
    amount = decimal(value)
    return None if amount is None else Money(amount, currency)


def decimal(value: Any) -> Decimal | None:
    """A number from a string or a number, exactly as written; floats by their shortest form."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    written = str(value).strip()
    return Decimal(written) if _NUMBER.fullmatch(written) else None


def currency_of(raw: Mapping[str, Any]) -> str | None:
    """The currency a record says it is in."""
    told = raw.get("currency_configuration")
    code = told.get("currency_iso_code") if isinstance(told, Mapping) else None
    return code if isinstance(code, str) and code else None


def total_of(amounts: Iterable[Money]) -> Money | None:
    """Their sum; None when there are none or they are in different currencies."""
    given = list(amounts)
    currencies = {one.currency for one in given}
    if len(currencies) != 1:
        return None
    return Money(sum((one.amount for one in given), Decimal(0)), currencies.pop())
