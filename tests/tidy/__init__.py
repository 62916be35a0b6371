"""House rules as tests. Each is proved red on a seeded bad sample, so that none can go blind unseen."""
