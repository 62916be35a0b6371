"""Mail, Slack, Teams and webhooks: tell somebody, and see what was told."""
