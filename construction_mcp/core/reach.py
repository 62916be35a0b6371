"""Where the world reaches this process: the public address the operator named, else where `serve` listens."""

from construction_mcp.core.errors import Invalid

WEBHOOKS_PATH = "/webhooks"


class Reach:
    """One per process; `serve` says where it listens once it does."""

    def __init__(self, public_url: str | None, *, is_simulated: bool) -> None:
        self._public = public_url.rstrip("/") if public_url else None
        self._is_simulated = is_simulated
        self._local: str | None = None

    def listen_at(self, url: str) -> None:
        """This machine reaches the process here."""
        self._local = url.rstrip("/")

    @property
    def webhooks(self) -> str | None:
        """The address below which every hook has its own; None where nobody could reach it."""
        address = self._public or self._local
        return address and address + WEBHOOKS_PATH

    @property
    def is_public(self) -> bool:
        """Whether others can post to this process. The simulator reaches loopback, Procore itself does not."""
        return self._public is not None or (self._local is not None and self._is_simulated)

    def webhook(self, hook_id: str) -> str:
        """The address others are told to post to.

        Raises:
            Invalid: WEBHOOK_NO_PUBLIC_URL.
        """
        if not self.is_public:
            raise Invalid(
                "Procore cannot reach this server, so it has nowhere to post to.",
                code="WEBHOOK_NO_PUBLIC_URL",
                hint="Run `construction-mcp serve` behind an https address and set CONSTRUCTION_MCP_PUBLIC_URL to it.",
            )
        return f"{self.webhooks}/{hook_id}"
