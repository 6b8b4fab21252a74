"""The pack of Qinggang, compiled once."""

from pathlib import Path

import pytest

from routing_rules import Bundle, Compiled, bundle_id, compile_bundle, encode_bundle, load_pack

PACKS = Path(__file__).parents[3] / "routing_rules" / "packs"


@pytest.fixture(scope="session")
def qinggang_bundle() -> Bundle:
    return load_pack(PACKS / "qinggang")


@pytest.fixture(scope="session")
def qinggang(qinggang_bundle: Bundle) -> Compiled:
    return compile_bundle(qinggang_bundle, bundle_id(encode_bundle(qinggang_bundle)))
