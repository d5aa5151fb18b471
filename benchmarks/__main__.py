"""`nox -s bench`: prints every figure the documents quote, side by side from one run.

Owns the order and the table. Each figure is the median of several runs, with the range, because
machines are shared and noisy. They also differ: two machines' figures can be compared by the
yardstick in the first lines.
"""

import argparse
import platform
import timeit

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

ADDITIONS = 1_000_000


def _yardstick_ms() -> float:
    """How long this machine's Python takes for so many additions, undisturbed."""
    return min(timeit.repeat("total += 1", "total = 0", number=ADDITIONS, repeat=9)) * 1000


def main() -> None:
    """Run the parts asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(f"Python {platform.python_version()} on {platform.machine()}, medians of {options.runs}")
    print(f"yardstick: {ADDITIONS:,} additions take {_yardstick_ms():.1f} ms on this machine")
    for name in options.parts or PARTS:
        print(f"\n{name}: {(PARTS[name].__doc__ or '').splitlines()[0]}", flush=True)
        for line in PARTS[name].measure(options.runs):
            print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
