"""Publishing a bundle, and what is in force."""

import asyncio
from typing import Final

import msgspec
from litestar import Response, get, post

from dispatcher.web import asking, problems, rendering
from dispatcher.web.admin import admin_only
from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import carry_out, engine_of
from routing_rules import Bundle, bundle_id, check_bundle, compile_bundle, decode_bundle, encode_bundle
from schemas import outcomes as out
from schemas.commands import PublishBundle
from schemas.refusals import BundleRefused
from schemas.views import ActiveBundle, BundlePublication, ResponderEntry, ResponderList

MAX_BUNDLE_BYTES: Final = 16 * 1_048_576


@post("/bundles", request_max_body_size=MAX_BUNDLE_BYTES)
async def publish_bundle(request: AnyRequest) -> Response[bytes]:
    """Make an encoded bundle the active one, atomically; one that does not compile leaves the old one serving."""
    admin_only(request)
    checked = await asyncio.to_thread(_checked, await request.body())
    if isinstance(checked, BundleRefused):
        return problems.response(problems.refused(checked))
    encoded = encode_bundle(checked)
    outcome = (await carry_out(engine_of(request), [PublishBundle(bundle=encoded, actor="admin")]))[0]
    if not isinstance(outcome, out.Published):
        return rendering.outcome(outcome)
    answer = BundlePublication(bundle=outcome.bundle, jurisdiction=checked.jurisdiction, changed=outcome.changed)
    return rendering.json(answer)


@get("/bundles/active", sync_to_thread=True)
def show_active_bundle(request: AnyRequest) -> Response[bytes]:
    """The bundle that decides now."""
    compiled = engine_of(request).compiled(asking.parameter(request, "jurisdiction"))
    return rendering.json(
        ActiveBundle(
            bundle=compiled.id,
            jurisdiction=compiled.jurisdiction,
            zone=compiled.bundle.zone,
            desk=compiled.desk,
            rules_count=len(compiled.bundle.rules),
            responders_count=len(compiled.responders),
            categories_count=len(compiled.categories),
        )
    )


@get("/responders", sync_to_thread=True)
def list_responders(request: AnyRequest) -> Response[bytes]:
    """Whoever can be offered an incident."""
    compiled = engine_of(request).compiled(asking.parameter(request, "jurisdiction"))
    items = (
        ResponderEntry(
            id=responder.id,
            name=responder.name,
            desk=responder.desk,
            adapter=responder.adapter,
            parent=responder.parent,
            capabilities=responder.capabilities,
        )
        for responder in compiled.responders.values()
    )
    return rendering.json(ResponderList(jurisdiction=compiled.jurisdiction, items=tuple(items)))


def _checked(encoded: bytes) -> Bundle | BundleRefused:
    """The bundle, tried out; whatever it raises is the bundle's fault and the answer."""
    try:
        bundle = decode_bundle(encoded)
        errors = tuple(f"{each.rule or 'bundle'}: {each.message}" for each in check_bundle(bundle) if each.is_error)
        if errors:
            return BundleRefused(detail="this bundle contradicts itself", problems=errors)
        compile_bundle(bundle, bundle_id(encoded))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return BundleRefused(detail="this is no encoded bundle", problems=(str(error),))
    except Exception as error:  # noqa: BLE001 - a hostile bundle may break the compiler anywhere; the old one serves on
        return BundleRefused(detail="this bundle does not compile", problems=(f"{type(error).__name__}: {error}",))
    return bundle
