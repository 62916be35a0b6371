"""What experienced builders do with RFIs, submittals and daily logs, and the morning's questions across projects."""
