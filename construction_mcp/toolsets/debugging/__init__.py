"""From a goal in words to a workflow that runs, and from what went wrong to the call that mends it."""
