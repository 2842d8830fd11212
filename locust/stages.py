"""A load that changes by itself, as LOAD_STAGES says."""

import os

import plan
from locust import LoadTestShape


class Stages(LoadTestShape):
    """Follows the stages from the moment the test is started, then stops it."""

    stages = plan.parse(os.environ.get("LOAD_STAGES", ""))

    def tick(self) -> tuple[int, float] | None:
        """Asked once a second by Locust."""
        return plan.at(self.stages, self.get_run_time())
