"""The workflow as part of the wheel, for ``dawnchorus run`` outside a clone."""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WORKFLOW = ("Snakefile", "config.yaml", "envs", "experiments", "profiles", "rules", "workflow")


class WorkflowFiles(BuildHookInterface):
    """Add the files beside the package to it, as ``dawnchorus/workflow/``."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Name the files, unless the package is installed for editing: then the clone has them."""
        if version == "editable":
            return
        for name in WORKFLOW:
            source = Path(self.root, name)
            build_data["force_include"][str(source)] = f"dawnchorus/workflow/{name}"
