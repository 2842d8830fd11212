"""The load of the lessons: users who chat with the language model.

Put this folder into a ConfigMap and name it in the Locust chart (`loadtest.locust_locustfile_configmap`). How many
users there are is said in Locust's web page, through its API, or by LOAD_STAGES. Settings are environment variables
(`loadtest.environment`), explained in README.md.
"""

import os

from chat import ChatUser

__all__ = ["ChatUser"]

if os.environ.get("LOAD_STAGES"):
    from stages import Stages

    __all__ += ["Stages"]
