"""A realistic mix: besides the chatting users, some who search, ask about the documents, and upload.

Chosen with `loadtest.locust_locustfile=mix.py`.
"""

import os

from chat import ChatUser
from router import QuestionUser, SearchUser, UploadUser

__all__ = ["ChatUser", "QuestionUser", "SearchUser", "UploadUser"]

if os.environ.get("LOAD_STAGES"):
    from stages import Stages

    __all__ += ["Stages"]
