"""Every error Patchbay raises on purpose.

    PatchbayError
    ├── DefinitionError        someone must edit a workflow, a trigger or a connection
    │   ├── InvalidDefinition  every problem found in one text, each with its place
    │   └── ExpressionError
    ├── RequestError           the caller must change the request
    │   ├── NotFound           the id names nothing (or nothing this caller may see)
    │   ├── Conflict           the stored object moved on; read again
    │   ├── InvalidRequest  ── BodyTooLarge, InvalidJson
    │   ├── Unauthenticated ── Forbidden
    │   └── VerificationError  a webhook failed its signature check; refuse it
    ├── Unavailable            a database or broker is away; the same call may succeed later
    ├── ConfigurationError     the operator must change a setting before the process can start
    └── StepError              one attempt at a step did not succeed
        ├── RetryableError     the same attempt may succeed later
        │   ├── RateLimited        (category capacity)
        │   ├── RemoteUnavailable  (category transient)
        │   ├── StepTimeout        (category timeout)
        │   ├── WorkerLost         the process that ran code died
        │   └── CircuitOpen        nothing was sent; uses up no attempt
        └── PermanentError     it never will
            ├── InvalidInput
            ├── InvalidOutput      the step ran; what it gave is not what the workflow asks for
            ├── RemoteRejected     (category business)
            ├── ConnectionRevoked
            ├── LimitExceeded      a bound of ours; the message names it
            ├── CodeFailed         a code node's source threw an error
            ├── ChildRefused       the workflow to start takes no executions now
            ├── ChildCancelled     somebody cancelled the execution that a step waited for
            └── OutcomeUnknown     the call may or may not have happened; a person decides

Classes are split by what the catcher must do, not by where the error arose. ``code`` is stable: it is
stored, logged and shown over HTTP; messages are not.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar


class Category(StrEnum):
    """What kind of trouble it was, as users and retry policies name it."""

    TRANSIENT = "transient"
    TIMEOUT = "timeout"
    CAPACITY = "capacity"
    PERMANENT = "permanent"
    BUSINESS = "business"


class PatchbayError(Exception):
    """Base class."""

    code: ClassVar[str] = "error"


class DefinitionError(PatchbayError):
    """A workflow, trigger or connection is wrong and needs an edit."""

    code = "invalid_definition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a text.

    ``place`` is a dotted path (``nodes.shape.set.total``); ``line`` and ``column`` count from 1 and are
    ``None`` where the text has none. ``fix`` says what to write instead, when that is known.
    """

    place: str
    message: str
    line: int | None = None
    column: int | None = None
    fix: str | None = None

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        hint = f" ({self.fix})" if self.fix else ""
        return f"{where}{self.place}: {self.message}{hint}"


class InvalidDefinition(DefinitionError):
    """A definition has problems; all of them are in ``problems``, in the order of the text."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class ExpressionError(DefinitionError):
    """A template or condition could not be parsed or evaluated."""

    code = "invalid_expression"


class RequestError(PatchbayError):
    """The caller must change the request."""

    code = "invalid_request"


class NotFound(RequestError):
    """No such object, or none this caller may see."""

    code = "not_found"


class Conflict(RequestError):
    """The stored object changed, or is in a state that does not allow this."""

    code = "conflict"


class InvalidRequest(RequestError):
    """A parameter or a body is malformed; ``problems`` names each place."""

    def __init__(self, message: str, *, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class BodyTooLarge(InvalidRequest):
    """The body exceeds the limit; nothing of it was stored."""

    code = "body_too_large"


class InvalidJson(InvalidRequest):
    """The body says it is JSON and is not; nothing of it was stored."""

    code = "invalid_json"


class Unauthenticated(RequestError):
    """No API key was given, or it is unknown, expired or revoked."""

    code = "unauthenticated"


class Forbidden(Unauthenticated):
    """The API key is good but lacks the scope."""

    code = "forbidden"


class VerificationError(RequestError):
    """A webhook request is unsigned, wrongly signed, or too old."""

    code = "invalid_signature"


class Unavailable(PatchbayError):
    """The database or the broker is away. Nothing was stored; the same call may succeed later."""

    code = "unavailable"


class ConfigurationError(PatchbayError):
    """A setting is missing or wrong; the process must not start."""

    code = "invalid_configuration"


class StepError(PatchbayError):
    """One attempt at a step did not succeed."""

    code = "step_failed"
    category: ClassVar[Category] = Category.PERMANENT


class RetryableError(StepError):
    """The same attempt may succeed later.

    Args:
        retry_after: The wait the remote side asked for; ``None`` leaves the choice to the node's retry policy.
    """

    code = "retryable"
    category = Category.TRANSIENT

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(RetryableError):
    """The remote side answered 429, or a limit of ours is reached."""

    code = "rate_limited"
    category = Category.CAPACITY


class RemoteUnavailable(RetryableError):
    """The remote side refused or cut the connection, or answered 5xx."""

    code = "remote_unavailable"


class StepTimeout(RetryableError):
    """The attempt took longer than its time limit."""

    code = "step_timeout"
    category = Category.TIMEOUT


class WorkerLost(RetryableError):
    """The process that ran a `code` node died or made no sense; another attempt gets a new one."""

    code = "worker_lost"


class CircuitOpen(RetryableError):
    """The breaker of this connection is open; nothing was sent."""

    code = "circuit_open"
    category = Category.CAPACITY


class PermanentError(StepError):
    """No later attempt can succeed."""

    code = "permanent"


class InvalidInput(PermanentError):
    """The rendered inputs do not satisfy the action's fields, or the input not the node's `input_schema`."""

    code = "invalid_input"


class InvalidOutput(PermanentError):
    """The node ran, and its output does not satisfy its `output_schema`."""

    code = "invalid_output"


class RemoteRejected(PermanentError):
    """The remote side understood the request and refused it (4xx)."""

    code = "remote_rejected"
    category = Category.BUSINESS


class ConnectionRevoked(PermanentError):
    """The remote side no longer accepts the connection's credentials."""

    code = "connection_revoked"


class LimitExceeded(PermanentError):
    """A bound of Patchbay's was reached; the message names it."""

    code = "limit_exceeded"


class CodeFailed(PermanentError):
    """The source of a `code` node cannot be read, threw an error, or returned something that is not JSON."""

    code = "code_failed"


class ChildRefused(PermanentError):
    """The workflow that a `workflow` node starts does not exist, or takes no executions now; the message says why."""

    code = "child_refused"


class ChildCancelled(PermanentError):
    """The execution that a step waited for was cancelled."""

    code = "child_cancelled"


class OutcomeUnknown(PermanentError):
    """An unrepeatable call was under way when its executor died; a person must look."""

    code = "outcome_unknown"
