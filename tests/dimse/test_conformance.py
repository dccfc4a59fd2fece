"""docs/conformance.md against the code, and against what is negotiated over a socket."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pydicom.uid
import pytest
from dimse.archive import Archive, running
from dimse.objects import save_object
from pydicom.uid import UID
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import StorageCommitmentPushModel

from sdseg import __version__
from sdseg.delivery.dimse_target import PATIENCE, DimseTarget
from sdseg.dimse.association import PAUSES, echo
from sdseg.dimse.commitment import Commitments
from sdseg.dimse.connection import LARGEST_PDU
from sdseg.dimse.contexts import (
    AS_SCP,
    AS_SCU,
    COMMITMENT,
    IMAGE_SYNTAXES,
    RESULT_CLASSES,
    UNCOMPRESSED,
    listener_contexts,
)
from sdseg.dimse.listener import Listening, listening, reports_listener
from sdseg.dimse.peer import Timeouts
from sdseg.dimse.status import Verdict, action_verdict, commitment_may_pass, storage_verdict
from sdseg.dimse.store import SLOWEST
from sdseg.errors import RefusedError
from sdseg.node import intake
from sdseg.node.callers import CALLED_UNKNOWN, CALLING_UNKNOWN
from sdseg.node.config import NodeConfig
from sdseg.pacs.answers import failure

DOCUMENT = Path(__file__).parents[2] / "docs" / "conformance.md"
FAILURES = {Verdict.TRY_AGAIN: "tried again", Verdict.REFUSED: "refused"}
OF_STORE = FAILURES | {
    Verdict.SUCCESS: "done",
    Verdict.DUPLICATE: "done",
    Verdict.WARNING: "done, with a remark",
}
OF_ACTION = FAILURES | dict.fromkeys([Verdict.SUCCESS, Verdict.WARNING], "the report is waited for")


@pytest.fixture(scope="module")
def text() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def table(text: str, caption: str) -> list[dict[str, str]]:
    """The rows of the first table after `caption`, each {column: cell}."""
    start = text.index(caption)
    lines = text[start:].splitlines()[1:]
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    header, _, *body = rows
    return [dict(zip(header, row, strict=True)) for row in body]


def syntaxes(text: str, name: str) -> tuple[UID, ...]:
    """One of the sets of transfer syntaxes, in its order."""
    rows = table(text, "Table 4.2-2:")
    assert all(UID(row["UID"]).name == row["Transfer syntax"] for row in rows)
    return tuple(UID(row["UID"]) for row in rows if name in row["Set"].split(", "))


def pairs(text: str, caption: str) -> set[tuple[str, str]]:
    """(SOP class, transfer syntax) of a table of presentation contexts."""
    return {(row["UID"], syntax) for row in table(text, caption) for syntax in syntaxes(text, row["Transfer syntaxes"])}


def codes(cell: str) -> Iterator[int]:
    """All the statuses that a cell of codes names: `A700-A7FF, 0110`."""
    for part in cell.split(", "):
        first, _, last = part.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def accepted(port: int, contexts: Iterable[PresentationContext], **options) -> set[tuple[str, str]]:
    """What a listener accepts of these contexts, proposed in as many associations as that takes."""
    contexts, found = list(contexts), set()
    for start in range(0, len(contexts), 128):
        association = AE().associate(
            "127.0.0.1", port, contexts=contexts[start : start + 128], ae_title="SDSEG", **options
        )
        found |= {(each.abstract_syntax, each.transfer_syntax[0]) for each in association.accepted_contexts}
        if association.is_established:
            association.release()
    return found


def test_overview_names_every_class_and_its_roles(text):
    rows = table(text, "### Table 1-1")
    scu, scp = {each.name for each in AS_SCU}, {each.name for each in AS_SCP}
    assert {row["SOP class"] for row in rows} == scu | scp
    assert len(rows) == len(scu | scp)
    assert {row["SOP class"] for row in rows if row["User of service (SCU)"] == "yes"} == scu
    assert {row["SOP class"] for row in rows if row["Provider of service (SCP)"] == "yes"} == scp


def test_transfer_syntaxes_are_those_of_the_code_in_its_order(text):
    assert syntaxes(text, "U") == UNCOMPRESSED
    assert syntaxes(text, "I") == IMAGE_SYNTAXES


@pytest.mark.parametrize(("caption", "services"), [("Table 4.2-1:", AS_SCU), ("Table 4.2-3:", AS_SCP)])
def test_contexts_are_those_of_the_code(text, caption, services):
    rows = table(text, caption)
    written = [(row["SOP class"], row["UID"], syntaxes(text, row["Transfer syntaxes"])) for row in rows]
    assert written == [(each.name, each.sop_class, each.transfer_syntaxes) for each in services]


def test_what_is_done_with_an_object_is_that_of_the_code(text):
    rows = table(text, "Table 4.2-3:")
    assert [row["What NODE does with it"] for row in rows] == [each.purpose.value for each in AS_SCP]


def test_what_we_propose_is_what_is_written(text, call, tmp_path):
    """Recorded by a real SCP, while each kind of result is delivered and the PACS is checked."""
    with running(Archive()) as archive:
        echo(call(archive))
        for klass in RESULT_CLASSES:
            DimseTarget(call(archive)).deliver(save_object(tmp_path, klass=klass))
    proposed = {(klass, syntax) for klass, offered in archive.proposed for syntax in offered}
    assert proposed == pairs(text, "Table 4.2-1:")
    storage = [offered for klass, offered in archive.proposed if klass in RESULT_CLASSES]
    assert storage and all(len(offered) == 1 for offered in storage)


def test_the_listener_accepts_what_is_written_and_nothing_else(text):
    """Every storage class that pynetdicom knows, and every transfer syntax that pydicom knows for ours."""
    written = pairs(text, "Table 4.2-3:")
    known = {value for value in vars(pydicom.uid).values() if isinstance(value, UID) and value.is_transfer_syntax}
    assert known > set(IMAGE_SYNTAXES)
    ours = [build_context(service.sop_class, syntax) for service in AS_SCP for syntax in sorted(known)]
    others = {context.abstract_syntax for context in AllStoragePresentationContexts} - {pair[0] for pair in written}
    assert len(others) > 100
    with listening(AE(ae_title="SDSEG"), Listening(port=0), listener_contexts()) as port:
        assert accepted(port, ours) == written
        assert accepted(port, [build_context(klass, UNCOMPRESSED[0]) for klass in sorted(others)]) == set()


def test_the_listener_prefers_the_order_that_is_written(text):
    order = syntaxes(text, "I")
    offers = [build_context(pydicom.uid.CTImageStorage, list(reversed(order[n:]))) for n in range(len(order))]
    chosen = []
    with listening(AE(ae_title="SDSEG"), Listening(port=0), listener_contexts()) as port:
        for offer in offers:
            ((_, syntax),) = accepted(port, [offer])
            chosen.append(syntax)
    assert tuple(chosen) == order


@pytest.mark.parametrize(
    ("roles", "taken"),
    [
        ({"scp_role": True}, True),
        ({"scu_role": True, "scp_role": True}, True),
        (None, True),
        ({"scu_role": True}, False),
    ],
)
def test_commitment_is_accepted_with_the_roles_turned_round(text, roles, taken):
    contexts = [build_context(COMMITMENT.sop_class, syntax) for syntax in COMMITMENT.transfer_syntaxes]
    options = {"ext_neg": [build_role(StorageCommitmentPushModel, **roles)]} if roles else {}
    with listening(AE(ae_title="SDSEG"), Listening(port=0), listener_contexts()) as port:
        assert accepted(port, contexts, **options) == (pairs(text, "Table 4.2-4:") if taken else set())


def test_the_listener_of_a_sender_accepts_what_is_written_and_nothing_else(text):
    offers = [build_context(each.sop_class, syntax) for each in (*AS_SCP, COMMITMENT) for syntax in IMAGE_SYNTAXES]
    with reports_listener(Commitments(), Listening(port=0)) as port:
        assert accepted(port, offers) == pairs(text, "Table 4.2-11:")


def test_how_we_introduce_ourselves(text, call):
    written = {row["Property"]: row["Value"] for row in table(text, "##### 4.2.1.2")}
    seen = []

    def look(event: evt.Event) -> None:
        seen.append(event.assoc.requestor)

    archive = Archive()
    archive.on_requested = look
    with running(archive):
        echo(call(archive))
    with listening(AE(ae_title="SDSEG"), Listening(port=0), listener_contexts()) as port:
        association = AE().associate("127.0.0.1", port, contexts=listener_contexts()[:1], ae_title="SDSEG")
        seen.append(association.acceptor)
        association.release()
    for user in seen:
        assert user.implementation_class_uid == written["Implementation class UID"]
        assert user.implementation_version_name == written["Implementation version name"] == f"SDSEG_{__version__}"
        assert f"{user.maximum_length} bytes" == written["Maximum PDU size received"]
    requested = seen[0].primitive
    assert requested.application_context_name == written["Application context name"]
    assert seen[0].asynchronous_operations == (1, 1)
    assert not seen[0].role_selection and seen[0].user_identity is None


def test_limits_of_associations(text):
    written = {row["Property"]: row["Value"] for row in table(text, "##### 4.2.1.2")}
    default = NodeConfig.model_fields["maximum_associations"].default
    assert written["Maximum number of associations accepted at a time"].endswith(f"{default} unless configured")


@pytest.mark.parametrize(
    ("caption", "verdict", "words"),
    [("Table 4.2-6:", storage_verdict, OF_STORE), ("Table 4.2-7:", action_verdict, OF_ACTION)],
)
def test_statuses_mean_what_is_written(text, caption, verdict, words):
    for row in table(text, caption):
        assert {words[verdict(code)] for code in codes(row["Code"])} == {row["Behaviour"]}, row


def test_failure_reasons_mean_what_is_written(text):
    for row in table(text, "Table 4.2-9:"):
        (code,) = codes(row["Code"])
        assert row["Behaviour"] == ("tried again" if commitment_may_pass(code) else "refused")


def test_statuses_of_the_node_are_those_of_the_code(text):
    constants = {
        intake.SUCCESS,
        intake.OUT_OF_RESOURCES,
        intake.MISMATCH,
        intake.CANNOT_UNDERSTAND,
        intake.OTHER_CONTENT,
        intake.OTHER_SERIES,
    }
    assert [next(codes(row["Code"])) for row in table(text, "Table 4.2-10:")] == sorted(constants)
    assert str(CALLED_UNKNOWN) == "(1, 1, 7)" and "result 1, source 1, reason 7" in text
    assert str(CALLING_UNKNOWN) in text


def test_times_are_those_of_the_code(text):
    rows = {row["Parameter"]: row["Initiating"] for row in table(text, "Table 4.4-2:")}
    seconds = Timeouts()
    assert rows["Connection and TLS handshake"] == f"{seconds.connect:g}"
    assert rows["Answer to an association request, release (ACSE)"] == f"{seconds.acse:g}"
    slowest = f"1 more for every {SLOWEST // 1000} kB"
    assert rows["Answer to a DIMSE message"].startswith(f"{seconds.dimse:g}, and {slowest}")
    assert f"more than {LARGEST_PDU >> 20} MiB" in text
    assert rows["A connection that does not move"] == f"{seconds.network:g}"
    assert rows["Report of storage commitment"] == f"{PATIENCE:g}"
    assert f"tried again after {PAUSES[0]:g} and {PAUSES[1]:g} seconds" in text


def test_http_statuses_mean_what_is_written(text):
    rows = {row["Status"]: row["Behaviour"] for row in table(text, "Table 4.2-13:")}
    failures = {int(code): told for cell, told in rows.items() for code in cell.split(", ") if int(code) >= 400}
    assert {401, 404, 409, 415, 503, 507} < set(failures)
    for status, told in failures.items():
        assert isinstance(failure(status, {}, "", ""), RefusedError) == (told == "refused"), status


def test_every_page_that_it_refers_to_exists(text):
    pages = set(re.findall(r"\]\(([a-z-]+\.md)\)", text))
    assert pages
    assert [page for page in sorted(pages) if not (DOCUMENT.parent / page).is_file()] == []
