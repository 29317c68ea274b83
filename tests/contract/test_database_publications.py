"""What every database must do with publications and labels of versions."""

from dataclasses import replace

import pytest

from db.session import SqlDatabase
from engine.model.base import VersionId, new_id
from engine.model.publication import Label, Publication
from tests.contract.database_kits import LATER, PROJECT, Sample
from tests.fakes import START

pytestmark = pytest.mark.contract


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


def publication(sample: Sample, **changes: object) -> Publication:
    whole = Publication(
        id=new_id(),
        workflow_id=sample.workflow_id,
        version_id=sample.version_id,
        published_at=START,
        published_by="key:ann",
        note="ticket 7",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def label(sample: Sample, name: str = "stable", **changes: object) -> Label:
    whole = Label(
        workflow_id=sample.workflow_id, version_id=sample.version_id, name=name, set_at=START, set_by="key:ann"
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


async def put(database: SqlDatabase, *labels: Label) -> None:
    async with database.write() as work:
        for one in labels:
            await work.publications.label(PROJECT, one)
        await work.commit()


async def test_publications_are_listed_newest_first(database: SqlDatabase, sample: Sample) -> None:
    later, first = publication(sample, published_at=LATER, note=""), publication(sample)
    elsewhere = Sample()
    await elsewhere.install(database)

    async with database.write() as work:
        for one in (later, first, publication(elsewhere)):
            await work.publications.add(PROJECT, one)
        await work.commit()

    async with database.read() as work:
        assert list(await work.publications.list(sample.workflow_id)) == [later, first]


async def test_a_label_moves_to_the_version_it_is_given_to(database: SqlDatabase, sample: Sample) -> None:
    moved = label(sample, version_id=VersionId(new_id()), set_at=LATER, set_by="key:bob")
    other = label(sample, "canary")
    elsewhere = Sample()
    await elsewhere.install(database)

    await put(database, label(sample), other, label(elsewhere))
    await put(database, moved)

    async with database.read() as work:
        assert list(await work.publications.labels(sample.workflow_id)) == [other, moved]
        assert list(await work.publications.labels(elsewhere.workflow_id)) == [label(elsewhere)]


async def test_a_label_is_taken_only_off_the_version_that_has_it(database: SqlDatabase, sample: Sample) -> None:
    await put(database, label(sample))

    async with database.write() as work:
        tries = [
            await work.publications.unlabel(version, "stable", workflow_id=sample.workflow_id)
            for version in (VersionId(new_id()), sample.version_id, sample.version_id)
        ]
        await work.commit()

    assert tries == [False, True, False]
    async with database.read() as work:
        assert list(await work.publications.labels(sample.workflow_id)) == []


async def test_they_go_with_their_workflow(database: SqlDatabase, sample: Sample) -> None:
    await put(database, label(sample))
    async with database.write() as work:
        await work.publications.add(PROJECT, publication(sample))
        await work.workflows.delete(sample.workflow_id)
        await work.commit()

    async with database.read() as work:
        assert list(await work.publications.labels(sample.workflow_id)) == []
        assert list(await work.publications.list(sample.workflow_id)) == []
