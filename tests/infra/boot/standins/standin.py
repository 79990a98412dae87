#!/usr/bin/env python3
"""One program that stands in for docker, aws, nvidia-smi and others on a test's PATH.

It notes each call (arguments, standard input where a login reads one) in calls.jsonl beside
itself and answers by rules.json: the first rule whose words all occur in the command line gives
output, error output and exit status, or becomes the program it names.
`aws s3 cp` and `aws s3 ls` work on a folder by themselves.
"""

import json
import os
import sys
import time
from pathlib import Path

HERE = Path(os.environ.get("STANDIN_HOME", "/opt/standins"))


def main() -> int:
    program = Path(sys.argv[0]).name
    line = " ".join([program, *sys.argv[1:]])
    taken = sys.stdin.read() if "--password-stdin" in sys.argv else None
    note = {
        "program": program,
        "arguments": sys.argv[1:],
        "input": taken,
        "environment": dict(os.environ),
    }
    with (HERE / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(note) + "\n")
    for number, rule in enumerate(json.loads((HERE / "rules.json").read_text())):
        if not all(word in line for word in rule["words"]):
            continue
        left = HERE / f"rule-{number}.left"
        if rule["times"] is not None:
            times = int(left.read_text()) if left.exists() else rule["times"]
            if times == 0:
                continue
            left.write_text(str(times - 1))
        time.sleep(rule["seconds"])
        sys.stdout.write(rule["out"])
        sys.stderr.write(rule["err"])
        if rule["exec"]:
            sys.stderr.flush()
            os.execv(rule["exec"][0], rule["exec"])  # noqa: S606 - a shell is what it may name
        return int(rule["status"])
    if program == "aws" and "s3" in sys.argv:
        return s3(sys.argv[sys.argv.index("s3") + 1 :])
    return 0


def s3(arguments: list[str]) -> int:
    verb, *rest = arguments
    options = {"--expected-size"}
    plain = [
        word
        for before, word in zip(["", *rest], rest, strict=False)
        if before not in options and (word == "-" or not word.startswith("-"))
    ]
    if verb == "ls":
        return 0 if place(plain[0]).exists() else 1
    source, target = plain
    if source.startswith("s3://") and not place(source).exists():
        sys.stderr.write(
            "fatal error: An error occurred (404) when calling the HeadObject operation: "
            "Key does not exist\n"
        )
        return 1
    data = sys.stdin.buffer.read() if source == "-" else place(source).read_bytes()
    if target == "-":
        sys.stdout.buffer.write(data)
        return 0
    path = place(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return 0


def place(address: str) -> Path:
    if address.startswith("s3://"):
        return HERE / "s3" / address.removeprefix("s3://")
    return Path(address)


sys.exit(main())
