"""`construction-mcp tools`: what a client can call, and the manifests behind it."""

import argparse

from construction_mcp.cli import launch_of, show
from construction_mcp.core.errors import Invalid

HELP = "List the tools, or write a toolset's manifest (build)."
EXAMPLES = """\
  construction-mcp tools                          the default listing
  construction-mcp tools --toolsets all --json    everything, with schemas
  construction-mcp tools build my_company.tools   write the manifest of a toolset package
  construction-mcp tools build --check            fail if a built-in manifest is stale
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=["list", "build"], default="list")
    parser.add_argument("package", nargs="*", help="build: toolset packages; all built-in ones unless given")
    parser.add_argument("--check", action="store_true", help="build: write nothing, exit 1 when a manifest is stale")


def run(args: argparse.Namespace) -> int:
    return _build(args) if args.action == "build" else _list(args)


def _list(args: argparse.Namespace) -> int:
    from construction_mcp.registry.brief import brief
    from construction_mcp.registry.catalog import View, load_catalog
    from construction_mcp.registry.manifest import shallow

    launch = launch_of(args)
    catalog = load_catalog()
    tools = catalog.listed_tools(View(launch.toolsets, launch.read_only, launch.environment))
    width = max(len(tool.name) for tool in tools)
    lines = [f"{tool.name:{width}}  {tool.toolset:12} {tool.effect:9} {tool.purpose}" for tool in tools]
    data = [
        {
            "name": tool.name,
            "title": tool.title,
            "toolset": tool.toolset,
            "description": tool.description,
            "role": tool.role,
            "annotations": tool.annotations,
            "inputSchema": brief(tool.input_schema),
            "outputSchema": shallow(tool.output_schema),
        }
        for tool in tools
    ]
    hidden = len(catalog.tools) - len(tools)
    more = f"\n{hidden} more with --toolsets all; toolsets: {', '.join(catalog.toolsets)}" if hidden > 0 else ""
    show(args, {"tools": data}, "\n".join(lines) + more)
    return 0


def _build(args: argparse.Namespace) -> int:
    from construction_mcp.registry.build import build, builtin_packages, manifest_path, manifest_text

    stale = []
    for package in args.package or builtin_packages():
        try:
            text = manifest_text(build(package))
        except TypeError as problem:
            raise Invalid(str(problem)) from None
        path = manifest_path(package)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path))
            if not args.check:
                path.write_text(text, encoding="utf-8")
    verb = "stale" if args.check else "written"
    show(args, {verb: stale}, "\n".join(f"{verb}: {path}" for path in stale) or "every manifest is up to date")
    return 1 if stale and args.check else 0
