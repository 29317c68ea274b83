"""The scheme of the URL chooses the broker."""

import pytest

from engine.brokers import open_broker
from engine.brokers.inprocess import InProcessBroker
from engine.errors import ConfigurationError


async def test_inprocess_needs_no_server() -> None:
    async with open_broker("inprocess://") as broker:
        assert isinstance(broker, InProcessBroker)


@pytest.mark.parametrize("url", ["redis://localhost", "localhost:5672", "", "amqp:", "amqp://"])
async def test_another_scheme_or_no_host_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write (inprocess://, )?amqp://"):
        async with open_broker(url):
            pass
