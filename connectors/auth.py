"""How a service wants to be shown who calls: which credentials a connection holds, and where they go in a request."""

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.fields import Choice, Field, Secret, Text
from engine.errors import InvalidInput

NO_FIELDS: Mapping[str, Field] = {}


@dataclass(frozen=True, slots=True)
class Proof:
    """What is added to a request. Hidden in ``repr``, as all of it is secret."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


class Auth(ABC):
    """One way of authorising calls."""

    @property
    @abstractmethod
    def fields(self) -> Mapping[str, Field]:
        """What a connection's credentials consist of."""

    @property
    def required(self) -> bool:
        """Whether the connector is of no use without a connection."""
        return True

    @abstractmethod
    def proof(self, credentials: Mapping[str, str]) -> Proof:
        """Return what to add to a request. ``credentials`` have passed ``fields``."""


@dataclass(frozen=True, slots=True)
class NoAuth(Auth):
    """The service asks nobody who they are."""

    @property
    def fields(self) -> Mapping[str, Field]:
        return NO_FIELDS

    @property
    def required(self) -> bool:
        return False

    def proof(self, credentials: Mapping[str, str]) -> Proof:  # noqa: ARG002 - there are none
        return Proof()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyAuth(Auth):
    """A key in a header or a query parameter; name exactly one of the two."""

    header: str | None = None
    query: str | None = None
    prefix: str = ""
    label: str = "API key"

    def __post_init__(self) -> None:
        if (self.header is None) == (self.query is None):
            raise TypeError("ApiKeyAuth takes either header or query")

    @property
    def fields(self) -> Mapping[str, Field]:
        return {"api_key": Secret(label=self.label)}

    def proof(self, credentials: Mapping[str, str]) -> Proof:
        value = self.prefix + credentials["api_key"]
        return Proof(headers={self.header: value}) if self.header else Proof(query={self.query or "": value})


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerAuth(Auth):
    """``Authorization: Bearer …`` (RFC 6750)."""

    label: str = "Access token"

    @property
    def fields(self) -> Mapping[str, Field]:
        return {"token": Secret(label=self.label)}

    def proof(self, credentials: Mapping[str, str]) -> Proof:
        return Proof(headers={"Authorization": f"Bearer {credentials['token']}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth(Auth):
    """User name and password (RFC 7617)."""

    username_label: str = "User name"
    password_label: str = "Password"  # noqa: S105 - what people see beside the field

    @property
    def fields(self) -> Mapping[str, Field]:
        return {
            "username": Text(label=self.username_label, min_length=1, pattern="[^:]*"),
            "password": Secret(label=self.password_label),
        }

    def proof(self, credentials: Mapping[str, str]) -> Proof:
        pair = f"{credentials['username']}:{credentials['password']}".encode()
        return Proof(headers={"Authorization": f"Basic {b64encode(pair).decode()}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomAuth(Auth):
    """Any fields, put into headers and query parameters by templates such as ``{"X-User": "{user}"}``."""

    custom: Mapping[str, Field]
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> Mapping[str, Field]:
        return self.custom

    def proof(self, credentials: Mapping[str, str]) -> Proof:
        return Proof(headers=_filled(self.headers, credentials), query=_filled(self.query, credentials))


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOfAuth(Auth):
    """Several ways, of which the connection's credential ``type`` names one. ``optional`` allows for none at all."""

    kinds: Mapping[str, Auth]
    optional: bool = False

    @property
    def fields(self) -> Mapping[str, Field]:
        every: dict[str, Field] = {"type": Choice(label="Type", options=tuple(self.kinds))}
        for kind in self.kinds.values():
            every.update(kind.fields)
        return every

    @property
    def required(self) -> bool:
        return not self.optional

    def chosen(self, credentials: Mapping[str, str]) -> Auth:
        """Return the way that the credentials name.

        Raises:
            InvalidInput: They name none, or one that does not exist.
        """
        kind = self.kinds.get(credentials.get("type", ""))
        if kind is None:
            raise InvalidInput(f'credential "type" must be one of {", ".join(self.kinds)}')
        return kind

    def proof(self, credentials: Mapping[str, str]) -> Proof:
        return self.chosen(credentials).proof(credentials)


def credential_fields(auth: Auth, credentials: Mapping[str, str]) -> Mapping[str, Field]:
    """Return the fields that exactly these credentials must satisfy.

    Raises:
        InvalidInput: They do not say of which type they are.
    """
    if not isinstance(auth, OneOfAuth):
        return auth.fields
    return {"type": auth.fields["type"], **auth.chosen(credentials).fields}


def _filled(templates: Mapping[str, str], credentials: Mapping[str, str]) -> dict[str, str]:
    return {name.format_map(credentials): value.format_map(credentials) for name, value in templates.items()}
