"""The demo's receiver: busy once, then it takes orders."""

import httpx

from gateway.demo.receiver import Receiver


async def test_the_first_call_finds_it_busy_and_the_second_is_taken() -> None:
    receiver = Receiver()
    transport = httpx.ASGITransport(receiver.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver.test") as client:
        answers = [await client.post("/orders", json={"total": 1}, headers={"idempotency-key": "k"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 200]
    assert receiver.orders == [{"total": 1}]
    assert receiver.keys == ["k", "k"]
