"""Change events, change orders and the budget, read only; money is exact."""
