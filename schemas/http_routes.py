"""The HTTP interface as a table: what each route takes and answers. A test compares it with the application."""

from typing import Final, Literal, NamedTuple

from msgspec import Struct

from schemas import dead_letters as letters
from schemas import refusals as no
from schemas import views
from schemas.commands import BODIES
from schemas.notices import NoticePage, ToldEvent
from schemas.outcomes import CommandAnswer, DeadLetterOutcome, ReporterAnswer
from schemas.reports import Attachment, Report, ReportAnswer

Method = Literal["GET", "POST"]
TEXT: Final = "text/plain"
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
FILE: Final = "application/octet-stream"
PICTURE: Final = "image/jpeg"
EVENTS: Final = "text/event-stream"


class Parameter(NamedTuple):
    name: str
    says: str
    where: Literal["query", "header"] = "query"
    kind: Literal["string", "integer"] = "string"


class Route(NamedTuple):
    """`refusals`: problems with fields of their own; every route may also answer a plain Problem.

    `admin` = needs the admin token. `batch` = takes many reports and answers a list. `sends` = media type of the
    request, `media` = of the answer; where that is a stream of events, `answers` is the data of one.
    """

    method: Method
    path: str
    id: str
    says: str
    takes: type[Struct] | None = None
    answers: type[Struct] | None = None
    statuses: tuple[int, ...] = (200,)
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[type[no.Refusal], ...] = ()
    admin: bool = False
    batch: bool = False
    sends: str = JSON
    media: str = JSON


_JURISDICTION: Final = Parameter("jurisdiction", "left out = the home jurisdiction")
_KEY: Final = Parameter("Idempotency-Key", "1 to 200 printable characters; the sender is the responder", "header")
_FILE_KEY: Final = Parameter("Idempotency-Key", "1 to 200 printable characters: sent again, the same id", "header")
_AS_OF: Final = Parameter("as_of", "a past instant with its offset, as of which it is told; left out = now")
_PAGES: Final = (
    Parameter("cursor", "next_cursor of the page before; all pages show the moment of the first"),
    Parameter("limit", "rows of a page, 1 to 200; left out = 50", kind="integer"),
    _AS_OF,
    _JURISDICTION,
)
_FILTERS: Final = (
    Parameter(
        "state",
        "offered, claimed, planned, working, paused, resolved, closed, cancelled, duplicate, or open (the first five);"
        " several by comma; left out = all",
    ),
    Parameter("responder", "incidents in which it plays one of the roles"),
    Parameter("role", "of the responder: offered, claimed, returned, withdrawn, copy; left out = offered,claimed"),
    Parameter("category", "this one and all below it"),
    Parameter("area", "areas that begin with this code"),
    Parameter(
        "q",
        "words, all of which were told or said or name the place; two characters of Chinese hit, case and width don't"
        " count; at most 8",
    ),
    *_PAGES,
)
_UNKNOWN: Final = (no.UnknownIncident,)
_NO_REPORT: Final = (no.UnknownReport,)
_COMMON: Final = (
    no.UnknownIncident,
    no.OfferWithdrawnRefusal,
    no.Overtaken,
    no.NotAllowedInState,
    no.NotYours,
    no.IdempotencyMismatch,
)
_NOBODY: Final = (no.ResponderRequired,)
_WHY: Final = (no.ReasonRequired,)
_WHO: Final = (no.UnknownResponder,)
_WHEN: Final = (no.NotInFuture,)
_UNIT: Final = (*_NOBODY, no.UnitNotThere)
_SAYS: Final[dict[str, tuple[str, tuple[type[no.Refusal], ...]]]] = {
    "claim": ("Claim an incident (接单)", (no.AlreadyClaimed, no.NotCandidate, *_NOBODY, *_WHEN)),
    "return": ("Give it back with a reason (退单)", (no.NotCandidate, *_NOBODY, *_WHY, *_WHO)),
    "refer": (
        "Hand it to another responder (转办): the desk's word counts, a responder's is a return that suggests one",
        (no.NotCandidate, *_NOBODY, *_WHY, *_WHO),
    ),
    "joint": ("Several departments handle it, one leads (会办)", _WHO),
    "plan": ("Promise when it will be done", (*_NOBODY, *_WHEN)),
    "start": ("Work has begun", _NOBODY),
    "pause": ("Work stands, with what it waits for; the resolution clock stands too", _NOBODY),
    "resume": ("Work goes on", _NOBODY),
    "progress": ("Note something worth knowing", (*_NOBODY, no.NothingToDecide)),
    "dispatch": ("A unit is sent", _UNIT),
    "en-route": ("A unit is on its way", _UNIT),
    "on-scene": ("A unit has arrived", _UNIT),
    "clear": ("A unit is free again", _UNIT),
    "withdraw": ("A unit is called back before it arrived", _UNIT),
    "extend": ("Ask for a later due instant, or decide on it (延期)", (*_NOBODY, *_WHY, *_WHEN, no.NothingToDecide)),
    "defer": ("It cannot be done for now; look at it again then (挂账)", (*_WHY, *_WHEN)),
    "urge": ("Ask whoever has it to hurry (催办)", ()),
    "supervise": ("Watch it from above, or no longer (督办)", ()),
    "prioritize": ("Change the order of attention", ()),
    "correct": ("Put category or place right; it is routed again", (no.UnknownCategory, no.NothingToDecide)),
    "resolve": ("The work is done (办结)", (*_NOBODY, *_WHY)),
    "follow-up": ("What the reporter says (回访): solved closes it, not solved reopens it", ()),
    "close": ("Confirmed: close it", ()),
    "reopen": ("Not solved after all: the next cycle (重办)", _WHY),
    "cancel": ("Withdraw it, with a reason", _WHY),
    "merge": ("It is the same thing as another incident", (no.MergeRefused,)),
    "unmerge": ("It is a thing of its own after all", (no.MergeRefused,)),
    "undo": ("Take back one's own newest step, within 20 s", (no.NotUndoable,)),
}


def _operation(verb: str) -> str:
    """follow-up → followUpIncident."""
    first, *rest = verb.split("-")
    return first + "".join(word.capitalize() for word in rest) + "Incident"


_COMMANDS: Final = tuple(
    Route(
        "POST",
        f"/api/v1/incidents/{{incident_id}}/{verb}",
        _operation(verb),
        _SAYS[verb][0],
        takes=body,
        answers=CommandAnswer,
        parameters=(_KEY,),
        refusals=(*_COMMON, *_SAYS[verb][1]),
    )
    for verb, (body, _) in BODIES.items()
)

ROUTES: Final = (
    Route(
        "POST",
        "/api/v1/reports",
        "submitReport",
        "Take a report: 201, or 200 with the same answer when it is known already",
        takes=Report,
        answers=ReportAnswer,
        statuses=(200, 201),
        refusals=(no.ReportConflict, no.Erased),
    ),
    Route(
        "POST",
        "/api/v1/reports:batch",
        "submitReports",
        "Take many: one result per item, in order, each with its own status; at most 10,000 items and 1 MiB",
        takes=Report,
        answers=ReportAnswer,
        parameters=(Parameter("trusted", "true = the reports' own due times count; needs the admin token"),),
        batch=True,
    ),
    Route(
        "GET",
        "/api/v1/reports/{report_id}/reporter",
        "showReporter",
        "Name and phone, for the desk and holders only; journalled",
        answers=ReporterAnswer,
        parameters=(Parameter("responder", "who wants to know"),),
        refusals=(*_NO_REPORT, no.NotYours, no.ResponderRequired, no.Erased),
    ),
    Route(
        "GET",
        "/api/v1/incidents",
        "listIncidents",
        "The open ones by priority and then by the share left of their clock; after them the newest of the rest",
        answers=views.IncidentList,
        parameters=_FILTERS,
    ),
    Route(
        "GET",
        "/api/v1/responders/{responder_id}/incidents",
        "listOwnIncidents",
        "What a responder is offered or holds, late ones first",
        answers=views.IncidentList,
        parameters=_PAGES,
    ),
    Route(
        "GET",
        "/api/v1/counts",
        "showCounts",
        "How many stand where: by state, priority, category and responder, and how many are late",
        answers=views.IncidentCounts,
        parameters=(_AS_OF, _JURISDICTION),
    ),
    Route(
        "GET",
        "/api/v1/incidents/{incident_id}",
        "showIncident",
        "State, clocks, offers and voices",
        answers=views.IncidentDetail,
        parameters=(_AS_OF,),
        refusals=_UNKNOWN,
    ),
    Route(
        "GET",
        "/api/v1/incidents/{incident_id}/timeline",
        "showTimeline",
        "Every event in commit order",
        answers=views.Timeline,
        parameters=(_AS_OF,),
        refusals=_UNKNOWN,
    ),
    Route(
        "GET",
        "/api/v1/incidents/{incident_id}/explanation",
        "showExplanation",
        "Why it went where it went, recomputed on the stored bundle and facts",
        answers=views.IncidentExplanation,
        refusals=_UNKNOWN,
    ),
    Route(
        "GET",
        "/api/v1/incidents/{incident_id}/nearby",
        "showNearby",
        "What else is open around it or at the same place, or was opened there lately; the nearest first",
        answers=views.RelatedIncidents,
        parameters=(
            Parameter("within_m", "metres, 1 to 5000; left out = 200", kind="integer"),
            Parameter(
                "days", "how old those may be that are not open any more, 1 to 366; left out = 30", kind="integer"
            ),
        ),
        refusals=_UNKNOWN,
    ),
    Route(
        "POST",
        "/api/v1/reports:similar",
        "suggestSimilar",
        "Open incidents that a report being typed is probably about; nothing of it is kept",
        takes=views.ReportDraft,
        answers=views.RelatedIncidents,
    ),
    *_COMMANDS,
    Route(
        "POST",
        "/api/v1/attachments",
        "keepAttachment",
        "Take one photo or voice note of at most 10 MiB, as the body or as the one file of a form. It is kept without "
        "metadata, upright, as what its bytes show; a report or a command names it by its id, once and within a day",
        answers=Attachment,
        statuses=(200, 201),
        parameters=(_FILE_KEY,),
        refusals=(no.IdempotencyMismatch,),
        sends=FILE,
    ),
    Route(
        "GET",
        "/api/v1/attachments/{attachment_id}",
        "showAttachment",
        "The file; 410 once it is erased. Range and If-None-Match are understood",
        media=FILE,
    ),
    Route(
        "GET",
        "/api/v1/attachments/{attachment_id}/thumbnail",
        "showThumbnail",
        "Of a picture: a JPEG of at most 320 × 320 pixels",
        media=PICTURE,
    ),
    Route(
        "POST",
        "/api/v1/dead-letters",
        "keepDeadLetters",
        "Keep rows that cannot become reports: one result per item, 201, or 200 when kept before; at most 16 MiB",
        takes=views.DeadLetterBody,
        answers=views.DeadLetterKept,
        admin=True,
        batch=True,
    ),
    Route(
        "GET",
        "/api/v1/dead-letters",
        "listDeadLetters",
        "What could not become a report or a command, newest first, without the bytes",
        answers=letters.DeadLetterList,
        parameters=(
            Parameter("state", "open, redriven, discarded; several by comma; left out = open"),
            Parameter("reason", "this code, whatever its detail"),
            Parameter("cursor", "next_cursor of the page before"),
            Parameter("limit", "rows of a page, 1 to 200; left out = 50", kind="integer"),
            _JURISDICTION,
        ),
        admin=True,
    ),
    Route(
        "GET",
        "/api/v1/dead-letters/{letter_id}",
        "showDeadLetter",
        "Bytes and headers as they came; journalled",
        answers=letters.DeadLetterDetail,
        refusals=(no.UnknownLetter,),
        admin=True,
    ),
    Route(
        "POST",
        "/api/v1/dead-letters/{letter_id}/fix",
        "fixDeadLetter",
        "The body, as it is, is taken in place of the letter's bytes when it is redriven: a report, or a CloudEvent",
        answers=DeadLetterOutcome,
        refusals=(no.UnknownLetter, no.LetterSettled, no.Erased),
        admin=True,
        sends=FILE,
    ),
    Route(
        "POST",
        "/api/v1/dead-letters/{letter_id}/redrive",
        "redriveDeadLetter",
        "Through its door again: becomes what it says, once, or stays with the new reason. Twice is the same answer",
        answers=DeadLetterOutcome,
        refusals=(no.UnknownLetter, no.LetterStays, no.LetterSettled, no.ReportConflict, no.Erased),
        admin=True,
    ),
    Route(
        "POST",
        "/api/v1/dead-letters/{letter_id}/discard",
        "discardDeadLetter",
        "Give it up; its bytes stay until they are erased",
        answers=DeadLetterOutcome,
        refusals=(no.UnknownLetter, no.LetterSettled),
        admin=True,
    ),
    Route(
        "POST",
        "/api/v1/dead-letters/{letter_id}/erase",
        "eraseDeadLetter",
        "Its bytes and headers go for good",
        answers=letters.ErasedAnswer,
        refusals=(no.UnknownLetter,),
        admin=True,
    ),
    Route(
        "POST",
        "/api/v1/reports/{report_id}/erase",
        "eraseReport",
        "Text, place, reporter and attachments go for good, and the dead letters it came from; decisions stay",
        answers=letters.ErasedAnswer,
        refusals=_NO_REPORT,
        admin=True,
    ),
    Route(
        "POST",
        "/api/v1/incidents/{incident_id}/erase",
        "eraseIncident",
        "The same for all its reports, and for all that was said about it",
        answers=letters.ErasedAnswer,
        refusals=_UNKNOWN,
        admin=True,
    ),
    Route(
        "POST",
        "/api/v1/bodies/{ref}/erase",
        "eraseBody",
        "What was said in one command, by the body_ref of its event",
        answers=letters.ErasedAnswer,
        refusals=(no.UnknownBody,),
        admin=True,
    ),
    Route(
        "POST",
        "/api/v1/bundles",
        "publishBundle",
        "Make an encoded bundle the active one of its jurisdiction; at most 16 MiB",
        answers=views.BundlePublication,
        refusals=(no.BundleRefused,),
        admin=True,
    ),
    Route(
        "GET",
        "/api/v1/bundles/active",
        "showActiveBundle",
        "The bundle that decides now",
        answers=views.ActiveBundle,
        parameters=(_JURISDICTION,),
    ),
    Route(
        "GET",
        "/api/v1/responders",
        "listResponders",
        "Whoever can be offered an incident",
        answers=views.ResponderList,
        parameters=(_JURISDICTION,),
    ),
    Route(
        "GET",
        "/api/v1/events",
        "followEvents",
        "Server-sent events in commit order: every life-cycle event, or a responder's notices. An `id` resumes there "
        "without a gap; event `reset` = read the incidents anew and go on; event `changes` = a digest",
        answers=ToldEvent,
        parameters=(
            Parameter("Last-Event-ID", "id of the last event that was read; stands before `after`", "header"),
            Parameter("after", "the same as a parameter, 0 = from the first kept row; left out = what is to come"),
            Parameter("responder", "the notices of this responder (data as in its poll) in place of events"),
            Parameter("incident", "only this one"),
            Parameter("category", "this one and all below it"),
            Parameter("area", "areas that begin with this code"),
            Parameter("digest", "true = only which incidents changed, at most twice a second"),
            _JURISDICTION,
        ),
        media=EVENTS,
    ),
    Route(
        "GET",
        "/api/v1/responders/{responder_id}/notices",
        "pollNotices",
        "A responder's notices, the same as on its topic, for departments without Kafka (long poll)",
        answers=NoticePage,
        parameters=(
            Parameter("after", "`next` of the answer before, 0 = from the first kept row; left out = from now on"),
            Parameter("wait", "seconds to wait for the first notice, at most 30; left out = none"),
            Parameter("limit", "notices in an answer, 1 to 200; left out = 50", kind="integer"),
            _JURISDICTION,
        ),
    ),
    Route("GET", "/api/v1/openapi.json", "showOpenapi", "This document"),
    Route("GET", "/livez", "live", "The process answers", answers=views.Health),
    Route("GET", "/readyz", "ready", "Database, bundle and loops are there; else 503", answers=views.Health),
    Route("GET", "/metrics", "metrics", "Prometheus text exposition", media=TEXT),
)
