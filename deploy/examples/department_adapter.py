"""A department's own program, here the water works': claims what it is offered and says when the work is done."""

import json
import os
import signal
import sys
import time
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

ME, BROKER, WORK_S = "water-works", os.environ["LIANDONG_KAFKA"], float(os.environ.get("WORK_S", "20"))


def say(verb: str, notice: dict[str, Any]) -> None:
    """A command; its id names the offer, so that saying it twice does nothing."""
    body = {name: notice[name] for name in ("incident_id", "cycle", "epoch")}
    attributes = {"specversion": "1.0", "id": ".".join(map(str, (verb, *body.values()))), "source": ME}
    attributes["type"] = f"dispatch.command.{verb}.v1"
    headers = [(f"ce_{name}", said.encode()) for name, said in attributes.items()]
    topic, key = f"dispatch.responders.{ME}.commands.v1", body["incident_id"].encode()
    producer.send(topic, key=key, value=json.dumps(body).encode(), headers=headers).get(timeout=30)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
settings = {"group_id": f"adapter.{ME}", "auto_offset_reset": "earliest", "enable_auto_commit": False}
producer, at_work = KafkaProducer(bootstrap_servers=BROKER), dict[str, tuple[float, dict[str, Any]]]()
with KafkaConsumer(f"dispatch.responders.{ME}.notices.v1", bootstrap_servers=BROKER, **settings) as consumer:
    while True:
        for record in (it for records in consumer.poll(timeout_ms=500).values() for it in records):
            kind, notice = dict(record.headers)["ce_type"].decode(), json.loads(record.value)
            if kind == "dispatch.offer.made.v1":
                at_work[notice["incident_id"]] = (time.monotonic() + WORK_S, notice)
                say("claim", notice)
            elif kind in {"dispatch.offer.withdrawn.v1", "dispatch.command.refused.v1"}:
                at_work.pop(notice["incident_id"], None)
        for incident in [it for it, (done_at, _) in at_work.items() if done_at <= time.monotonic()]:
            say("resolve", at_work.pop(incident)[1])
        if not at_work:  # work under way is read anew after a restart
            consumer.commit()
