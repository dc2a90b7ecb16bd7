"""What screens ask of the application. They never call the workbench themselves: a screen says what the person wants, the application has it done."""

from textual.message import Message

from mesh_app.orders.order import Order


class Ordered(Message):
    """The person wants something done. Asked back where `questions.question_before` says so."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order = order


class StateWanted(Message):
    """A screen came back into sight, and what it shows is out of date."""


class CertificateWanted(Message):
    """The person wants to read a certificate: the ledger opens on it."""

    def __init__(self, cert_id: str) -> None:
        super().__init__()
        self.cert_id = cert_id
