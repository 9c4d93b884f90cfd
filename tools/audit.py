"""Report known vulnerabilities of pinned versions, or say that they could not be looked up.

``python tools/audit.py constraints.txt`` asks pip-audit. Where its database cannot be reached, pip-audit ends with a
stack trace, or says that it found nothing: this lists the versions then, and says that they were not audited.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Databases in the order in which they are tried: that of PyPI, and that of the OSV project, which includes it.
SERVICES = ("pypi", "osv")


def main(pins: Path, *options: str) -> int:
    """Print the result; 1 when a version has a known vulnerability."""
    found: list[dict[str, Any]] | None = None
    for service in SERVICES:
        found = asked(pins, service, *options)
        if found is not None:
            break
    if found is None:
        lines = [line for line in pins.read_text(encoding="utf-8").splitlines() if "==" in line]
        print("\n".join(lines))
        print(
            f"NOT AUDITED: no database of vulnerabilities can be reached; these are the {len(lines)} versions in {pins}"
        )
        return 0
    unknown = [each["name"] for each in found if "skip_reason" in each]
    bad = [(each, vulnerability) for each in found for vulnerability in each.get("vulns", [])]
    for each, vulnerability in bad:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
        print(f"{each['name']} {each['version']}: {vulnerability['id']}, fixed in {fixed}")
    if unknown:
        print(f"NOT AUDITED: {', '.join(unknown)} (not in the database)")
    print(f"{len(found) - len(unknown)} of {len(found)} versions were audited; {len(bad)} known vulnerabilities")
    return 1 if bad else 0


def asked(pins: Path, service: str, *options: str) -> list[dict[str, Any]] | None:
    """What pip-audit says of each version; None where the database knows none of them or cannot be reached."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(pins), "--no-deps", "--disable-pip", "--timeout", "10",
        "--progress-spinner", "off", "--format", "json", "--vulnerability-service", service, *options,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        return None
    return None if all("skip_reason" in each for each in found) else found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
