"""Renders k8s/ with Debian's kubectl and checks the outcome against the schemas of Kubernetes.

Alone, as `make check` runs it: renders every overlay, prints what is wrong, exit code 1 when something is.
"""

import functools
import pathlib
import subprocess
import sys
from typing import Any, Iterable, Iterator

import kubernetes_validate
import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
KUBECTL = REPOSITORY / ".setup" / "kubectl"
OVERLAYS = sorted(path.name for path in (REPOSITORY / "k8s" / "overlays").iterdir())
# The oldest version that the overlays are for, and the newest whose schemas are known.
VERSIONS = ("1.35", "1.37")

Manifest = dict[str, Any]


@functools.cache
def rendered_text(overlay: str) -> str:
    """What `kubectl apply -k` would send, as text."""
    result = subprocess.run([KUBECTL, "kustomize", REPOSITORY / "k8s" / "overlays" / overlay], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, f"{overlay}: {result.stderr}"
    return result.stdout


def rendered(overlay: str) -> list[Manifest]:
    """The manifests of an overlay."""
    return list(yaml.safe_load_all(rendered_text(overlay)))


def problems(manifests: Iterable[Manifest]) -> Iterator[str]:
    """What the schemas do not allow."""
    for manifest in manifests:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                yield f"{name}, Kubernetes {version}: {error.message}"


def main() -> int:
    found = [f"{overlay}: {problem}" for overlay in OVERLAYS for problem in problems(rendered(overlay))]
    for problem in found:
        print(f"k8s: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
