"""The pages' content: each a pure function from what was read to markup."""
