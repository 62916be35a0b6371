"""Knowledge for people and models: each statement with its source, or marked as practice."""

from pathlib import Path

from construction_mcp.core.toolset import resource


@resource("construction://best-practices", mime_type="text/markdown", title="RFI, submittal and daily log practice")
async def best_practices() -> str:
    """RFI, submittal and daily log practice, metrics and patterns of human review; sourced, or marked as practice."""
    return Path(__file__).with_name("best_practices.md").read_text(encoding="utf-8")
