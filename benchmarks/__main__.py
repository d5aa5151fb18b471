"""`nox -s bench`: prints every figure the documents quote, side by side from one run.

Owns the order and the table. Each figure is the median of several runs, with the range, because
machines are shared and noisy.
"""

import argparse
import platform

from benchmarks import core, drift, framing, load, memory, speed, stack

PARTS = {
    "core": core,
    "framing": framing,
    "stack": stack,
    "speed": speed,
    "drift": drift,
    "memory": memory,
    "load": load,
}


def main() -> None:
    """Run the parts asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(f"Python {platform.python_version()} on {platform.machine()}, medians of {options.runs}")
    for name in options.parts or PARTS:
        print(f"\n{name}: {(PARTS[name].__doc__ or '').splitlines()[0]}", flush=True)
        for line in PARTS[name].measure(options.runs):
            print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
