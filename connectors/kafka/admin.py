"""The topics: which there are, how each is set, and making them. Nothing is ever deleted or shrunk here."""

import threading
from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Final

import structlog
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError
from msgspec import Struct

from connectors.kafka.settings import KafkaClient
from schemas import topics

log = structlog.get_logger(__name__)
_DAY_MS: Final = 86_400_000
_PAUSE_S: Final = 2.0
# Topics that others write to. Stamped by the broker, so that nobody can backdate what he says there. Stored
# uncompressed: a batch in a codec that our clients do not have (lz4, zstd, snappy) would stop its partition for ever.
_INCOMING: Final = {"message.timestamp.type": "LogAppendTime", "compression.type": "uncompressed"}


class TopicPlan(Struct, frozen=True, kw_only=True):
    """How a topic is to be; `guards` = what we rely on, and put right where it is otherwise."""

    partitions: int
    days: int
    guards: dict[str, str] = {}

    @property
    def configs(self) -> dict[str, str]:
        return {"cleanup.policy": "delete", "retention.ms": str(self.days * _DAY_MS)} | self.guards


class TopicMade(Struct, frozen=True, kw_only=True):
    """`what`: made | there | corrected (a guard was missing) | refused (the broker will not have it)."""

    topic: str
    what: str
    detail: str = ""


# Dedupe keys live 30 days, so nothing may come in again later than that. The reports topic holds personal data: 7 days.
_COMMON: Final = {
    topics.REPORTS: TopicPlan(partitions=12, days=7, guards=_INCOMING),
    topics.INCIDENTS: TopicPlan(partitions=6, days=90),
    topics.DEAD_LETTERS: TopicPlan(partitions=1, days=90),
}
_NOTICES: Final = TopicPlan(partitions=3, days=30)
_COMMANDS: Final = TopicPlan(partitions=3, days=7, guards=_INCOMING)


def plans(responders: Collection[str]) -> dict[str, TopicPlan]:
    """All topics of an installation whose `responders` read and speak on topics."""
    wanted = dict(_COMMON)
    for responder in sorted(responders):
        wanted[topics.notices(responder)] = _NOTICES
        wanted[topics.commands(responder)] = _COMMANDS
    return wanted


def create_topics(client: KafkaClient, responders: Collection[str]) -> list[TopicMade]:
    """Make what is missing and correct whose time counts. KafkaError = the broker is away."""
    wanted = plans(responders)
    with closing(KafkaAdminClient(**client.admin())) as admin:
        there = set(admin.list_topics()) & set(wanted)
        made = _make(admin, {name: plan for name, plan in wanted.items() if name not in there})
        corrected = _correct(admin, {name: wanted[name].guards for name in there if wanted[name].guards})
    told = {name: TopicMade(topic=name, what="corrected" if name in corrected else "there") for name in there} | made
    return [told[name] for name in wanted]


def _make(admin: KafkaAdminClient, missing: Mapping[str, TopicPlan]) -> dict[str, TopicMade]:
    """Replication as the cluster is set (default.replication.factor)."""
    if not missing:
        return {}
    asked = {
        name: {"num_partitions": plan.partitions, "replication_factor": -1, "configs": plan.configs}
        for name, plan in missing.items()
    }
    answer = admin.create_topics(asked, raise_errors=False)
    made = {told["name"]: _made(told["name"], told["error_code"], told["error_message"]) for told in answer["topics"]}
    admin.wait_for_topics([name for name, topic in made.items() if topic.what != "refused"])
    return made


def _made(name: str, error_code: int, message: str | None) -> TopicMade:
    if error_code == 0:
        return TopicMade(topic=name, what="made")
    if error_code == TopicAlreadyExistsError.errno:
        return TopicMade(topic=name, what="there")
    return TopicMade(topic=name, what="refused", detail=message or f"error {error_code}")


def _correct(admin: KafkaAdminClient, guards: Mapping[str, dict[str, str]]) -> set[str]:
    """Put the guards right that are not; the topics where that was so."""
    if not guards:
        return set()
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, list(wanted)) for name, wanted in guards.items()]
    found = admin.describe_configs(asked, config_filter="all")["topic"]
    wrong = {
        name: {key: value for key, value in wanted.items() if found[name][key]["value"] != value}
        for name, wanted in guards.items()
    }
    changes = [ConfigResource(ConfigResourceType.TOPIC, name, change) for name, change in wrong.items() if change]
    if changes:
        admin.alter_configs(changes)
    return {change.name for change in changes}


def wait_for_topic(client: KafkaClient, name: str, stopping: threading.Event) -> None:
    """Until the broker answers and the topic is there, or until told to stop; says what it waits for."""
    while not stopping.is_set():
        missing = _why_missing(client, name)
        if missing is None:
            return
        log.warning("waiting_for_topic", topic=name, because=missing)
        stopping.wait(_PAUSE_S)


def _why_missing(client: KafkaClient, name: str) -> str | None:
    try:
        with closing(KafkaAdminClient(**client.admin())) as admin:
            return None if name in admin.list_topics() else "make the topics: liandong topics create"
    except (KafkaError, OSError) as error:
        return f"no broker at {client.bootstrap} ({type(error).__name__})"
