"""All that a connector may rely on: the only module with a promise to people outside this repository.

Names here keep their meaning within a major version. Everything else under ``connectors`` may change any day.
"""

from connectors.auth import ApiKeyAuth, Auth, BasicAuth, BearerAuth, CustomAuth, NoAuth, OneOfAuth, Proof
from connectors.connector import Action, ActionContext, Connector
from connectors.fields import Boolean, Choice, Duration, Field, Integer, Number, Secret, Text, Wrong
from connectors.session import Http, json_of
from connectors.structures import AnyJson, List, Mapping, Object
from engine.errors import (
    ConnectionRevoked,
    InvalidInput,
    LimitExceeded,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    RetryableError,
    StepError,
    StepTimeout,
)
from engine.model.action import Effect
from engine.model.base import Json, JsonObject
from engine.model.connection import Credentials

__all__ = [
    "Action",
    "ActionContext",
    "AnyJson",
    "ApiKeyAuth",
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "Boolean",
    "Choice",
    "ConnectionRevoked",
    "Connector",
    "Credentials",
    "CustomAuth",
    "Duration",
    "Effect",
    "Field",
    "Http",
    "Integer",
    "InvalidInput",
    "Json",
    "JsonObject",
    "LimitExceeded",
    "List",
    "Mapping",
    "NoAuth",
    "Number",
    "Object",
    "OneOfAuth",
    "OutcomeUnknown",
    "PermanentError",
    "Proof",
    "RateLimited",
    "RemoteRejected",
    "RemoteUnavailable",
    "RetryableError",
    "Secret",
    "StepError",
    "StepTimeout",
    "Text",
    "Wrong",
    "json_of",
]
