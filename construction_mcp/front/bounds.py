"""The wire's limits, as bare numbers: `core/config.py` has them too (a test compares) but costs 20 ms to import."""

FRAME_BYTES_MAX = 4 * 1024 * 1024
DRAIN_S = 10.0
READ_BYTES = 256 * 1024  # one read: a burst of small frames, or a sixteenth of the largest
PREFIX_BYTES = 4096  # kept of a frame over the cap, to find its id
UNSENT_BYTES_HIGH = 1024 * 1024  # answers wait for a client that does not read once this much is queued
STANDING_BYTES_MAX = 1024 * 1024  # subscriptions kept for the next server: a thousand take 100 KB
DOOR_PATIENCE_S = 30.0  # an owner that starts opens its door within seconds; a backup may take longer
HANDOVER_PATIENCE_S = 10.0  # how long a process that handed over leaves the lock to the one that asked
