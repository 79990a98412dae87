#!/usr/bin/env python3
"""One program that stands in for docker, aws, nvidia-smi and others on a test's PATH.

It notes each call (arguments, standard input where a login reads one) in the file `calls` beside
itself and answers by the file `rules`: the first rule whose words all occur in the command line
gives output, error output and exit status, or becomes the program it names.
`aws s3 cp` and `aws s3 ls` work on a folder by themselves.

It is started some thousand times: it imports what Python has in it and nothing else, neither json
nor pathlib, and so takes half of the time. Both files hold what `ascii` writes.
"""

import os
import sys
import time

CHANGED = "2026-11-28T08:00:00.123000+00:00\t"
"""When a secret has its value since, in the column before it."""
HERE = os.environ.get("STANDIN_HOME", "/opt/standins")


def main() -> int:
    program = sys.argv[0].rpartition("/")[2]
    line = " ".join([program, *sys.argv[1:]])
    taken = sys.stdin.read() if "--password-stdin" in sys.argv else None
    note = {
        "program": program,
        "arguments": sys.argv[1:],
        "input": taken,
        "environment": dict(os.environ),
    }
    with open(f"{HERE}/calls", "a", encoding="ascii") as calls:
        calls.write(f"{note!a}\n")
    for number, rule in enumerate(eval(read(f"{HERE}/rules"))):  # noqa: S307 - the test's own
        if not all(word in line for word in rule["words"]):
            continue
        left = f"{HERE}/rule-{number}.left"
        if rule["times"] is not None:
            times = int(read(left)) if os.path.exists(left) else rule["times"]
            if times == 0:
                continue
            write(left, str(times - 1).encode())
        time.sleep(rule["seconds"])
        if rule["out"] and "[CreatedDate,SecretString]" in line:
            sys.stdout.write(CHANGED)
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
        return 0 if os.path.exists(place(plain[0])) else 1
    source, target = plain
    if source.startswith("s3://") and not os.path.exists(place(source)):
        sys.stderr.write(
            "fatal error: An error occurred (404) when calling the HeadObject operation: "
            "Key does not exist\n"
        )
        return 1
    data = sys.stdin.buffer.read() if source == "-" else read(place(source))
    if target == "-":
        sys.stdout.buffer.write(data)
        return 0
    write(place(target), data)
    return 0


def place(address: str) -> str:
    if address.startswith("s3://"):
        return f"{HERE}/s3/{address.removeprefix('s3://')}"
    return address


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


sys.exit(main())
