"""The policy: what a report is about, and who gets it under which clocks."""

from routing_rules.compile import Compiled, compile_bundle
from routing_rules.evaluate import route
from routing_rules.explain import Explanation, explain, words
from routing_rules.model import Bundle, Category, Responder, bundle_id, decode_bundle, encode_bundle
from routing_rules.pack_files import load_pack
from routing_rules.perceive import perceive
from routing_rules.problems import PackError, Problem

__all__ = [
    "Bundle",
    "Category",
    "Compiled",
    "Explanation",
    "PackError",
    "Problem",
    "Responder",
    "bundle_id",
    "compile_bundle",
    "decode_bundle",
    "encode_bundle",
    "explain",
    "load_pack",
    "perceive",
    "route",
    "words",
]
