"""The environment variables that mean something; a tidy test holds this list to the code that reads them."""

from collections.abc import Mapping

from construction_mcp.core.nearest import nearest

PREFIXES = ("CONSTRUCTION_MCP_", "PROCORE_")

KNOWN = frozenset(
    {
        "CONSTRUCTION_MCP_ALLOWED_HOSTS",
        "CONSTRUCTION_MCP_CONFIG",
        "CONSTRUCTION_MCP_DATA_DIR",
        "CONSTRUCTION_MCP_EGRESS_ALLOW",
        "CONSTRUCTION_MCP_HOST",
        "CONSTRUCTION_MCP_KEY",
        "CONSTRUCTION_MCP_KEY_FILE",
        "CONSTRUCTION_MCP_LOG_LEVEL",
        "CONSTRUCTION_MCP_MAIL_FROM",
        "CONSTRUCTION_MCP_METRICS_AUTH",
        "CONSTRUCTION_MCP_NO_AUTH",
        "CONSTRUCTION_MCP_OAUTH_AUDIENCE",
        "CONSTRUCTION_MCP_OAUTH_ISSUER",
        "CONSTRUCTION_MCP_OAUTH_JWKS_URL",
        "CONSTRUCTION_MCP_PORT",
        "CONSTRUCTION_MCP_PUBLIC_URL",
        "CONSTRUCTION_MCP_READ_ONLY",
        "CONSTRUCTION_MCP_SERVER",
        "CONSTRUCTION_MCP_SLACK_WEBHOOK_URL",
        "CONSTRUCTION_MCP_SMTP_URL",
        "CONSTRUCTION_MCP_TEAMS_WEBHOOK_URL",
        "CONSTRUCTION_MCP_TOKEN_FILE",
        "CONSTRUCTION_MCP_TOOLSETS",
        "CONSTRUCTION_MCP_WRITE_POLICY",
        "CONSTRUCTION_MCP_ALERT_TO",
        "CONSTRUCTION_MCP_HEARTBEAT_URL",
        "CONSTRUCTION_MCP_MAX_EXECUTIONS",
        "CONSTRUCTION_MCP_MAX_PER_WORKFLOW",
        "CONSTRUCTION_MCP_POLL_S",
        "CONSTRUCTION_MCP_QUEUE_AGE_S",
        "CONSTRUCTION_MCP_RETENTION_DAYS",
        "DB_LOG_ALL",
        "PROCORE_API_URL",
        "PROCORE_CLIENT_ID",
        "PROCORE_CLIENT_SECRET",
        "PROCORE_COMPANY_ID",
        "PROCORE_ENVIRONMENT",
        "PROCORE_GRANT",
        "PROCORE_LOGIN_URL",
        "PROCORE_RATE_WINDOWS",
    }
)


def set_here(environ: Mapping[str, str]) -> list[str]:
    """Our variables that are set, by name: values may be secrets."""
    return sorted(name for name in environ if name.startswith(PREFIXES) or name in KNOWN)


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """Those that look like ours and mean nothing, each with what was probably meant."""
    unknown = [name for name in set_here(environ) if name not in KNOWN]
    return [
        " ".join([name, *(f"(did you mean {near}?)" for near in nearest(name, KNOWN, limit=1))]) for name in unknown
    ]
