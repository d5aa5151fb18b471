"""The scenario format: `*.call.yaml` files, read strictly into frozen values.

`load_scenarios` reads files and folders into `Scenario`s and `ScenarioProblem`s; `json_schema` is
what editors need. `format` holds the values, `names` the words they may use.
"""

from simulator.scenario.format import Scenario
from simulator.scenario.loading import load_scenario, load_scenarios
from simulator.scenario.problem import ScenarioProblem
from simulator.scenario.schema import json_schema

__all__ = ["Scenario", "ScenarioProblem", "json_schema", "load_scenario", "load_scenarios"]
