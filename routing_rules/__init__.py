"""The policy: what a report is about, and who gets it under which clocks."""

from routing_rules.check import Finding, check_bundle
from routing_rules.compile import Compiled, compile_bundle
from routing_rules.evaluate import route
from routing_rules.explain import Considered, Explanation, Missed, explain
from routing_rules.explain_words import words
from routing_rules.model import Bundle, Category, Responder, bundle_id, decode_bundle, encode_bundle
from routing_rules.pack_files import check_pack, load_pack
from routing_rules.perceive import perceive, point_of
from routing_rules.problems import PackError, Problem

__all__ = [
    "Bundle",
    "Category",
    "Compiled",
    "Considered",
    "Explanation",
    "Finding",
    "Missed",
    "PackError",
    "Problem",
    "Responder",
    "bundle_id",
    "check_bundle",
    "check_pack",
    "compile_bundle",
    "decode_bundle",
    "encode_bundle",
    "explain",
    "load_pack",
    "perceive",
    "point_of",
    "route",
    "words",
]
