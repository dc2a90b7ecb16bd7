"""The network: four validators, the committee, certificates, and everything that happens."""

from collections.abc import Iterable
from typing import Final

from textual.containers import Container
from textual.widget import Widget
from typing_extensions import override

from mesh_app.screens.mesh_screen import MeshScreen
from mesh_app.state import DEFAULT_VALIDATORS_COUNT
from mesh_app.widgets.certificate_card import CertificateCard
from mesh_app.widgets.certificate_list import CertificateList
from mesh_app.widgets.event_stream import EventStream
from mesh_app.widgets.filter_bar import FilteredList
from mesh_app.widgets.network_summary import NetworkSummary
from mesh_app.widgets.validator_card import ValidatorCard

CARDS: Final = DEFAULT_VALIDATORS_COUNT


class NetworkScreen(MeshScreen):
    """Screen 1."""

    CSS_PATH = "network.tcss"
    AUTO_FOCUS = "#validator-0"
    NAME = "network"

    @override
    def compose_body(self) -> Iterable[Widget]:
        yield Container(*(ValidatorCard(index) for index in range(CARDS)), id="committee")
        certificates = CertificateList(id="certificates")
        yield Container(
            FilteredList(certificates, id="certificates-pane"), CertificateCard(certificates, id="certificate"), NetworkSummary(id="summary"), id="facts"
        )
        yield FilteredList(EventStream(id="events"), id="events-pane")
