"""Fails where a test was skipped that the list beside this file does not name."""

import sys
from pathlib import Path
from xml.etree import ElementTree

allowed = {
    line.split("#")[0].strip()
    for line in Path(__file__).with_name("allowed-skips.txt").read_text().splitlines()
    if line.split("#")[0].strip()
}
cases = list(ElementTree.parse(sys.argv[1]).iter("testcase"))
skipped = {
    "::".join(filter(None, (case.get("classname"), case.get("name")))): skip.get("message", "")
    for case in cases
    for skip in case.iter("skipped")
    # An expected failure is reported as a skip, and is none.
    if skip.get("type") != "pytest.xfail"
}
for name in sorted(skipped.keys() - allowed):
    print(f"skipped, and not in .ci/allowed-skips.txt: {name}: {skipped[name]}")
if not cases or skipped.keys() - allowed:
    sys.exit(1)
print(f"{len(cases)} tests, {len(skipped)} skipped as allowed")
