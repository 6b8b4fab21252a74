"""How long keys live is never shorter than a topic may repeat what it said."""

import pytest

from connectors.kafka.admin import plans
from dispatcher.settings import settings_from
from schemas import topics


def test_keys_outlive_what_comes_in_again() -> None:
    longest = max(plans(["a"])[topic].days for topic in (topics.REPORTS, topics.commands("a")))
    assert settings_from({}).keep_keys_days > longest
    assert settings_from({"LIANDONG_KEEP_KEYS_DAYS": str(longest + 1)}).keep_keys_days == longest + 1
    with pytest.raises(ValueError, match="LIANDONG_KEEP_KEYS_DAYS"):
        settings_from({"LIANDONG_KEEP_KEYS_DAYS": str(longest)})


@pytest.mark.parametrize("given", ["", "-1", "0", "ten", "3651", "30.5"])
def test_what_is_no_number_of_days_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="LIANDONG_KEEP_KEYS_DAYS must be"):
        settings_from({"LIANDONG_KEEP_KEYS_DAYS": given})
