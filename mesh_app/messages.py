"""What screens ask of the application. They never call the workbench themselves: a screen says what the person wants, the application has it done."""

from collections.abc import Callable

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


class PaymentWanted(Message):
    """The person wants to pay: the form opens, with this payer and this recipient where they are named."""

    def __init__(self, payer: str = "", recipient: str = "") -> None:
        super().__init__()
        self.payer = payer
        self.recipient = recipient


class SecretWanted(Message):
    """A dialog wants a secret for the person's eyes: `give` is called with it, or `refuse` with the reason. It is in no event."""

    def __init__(self, order: Order, give: Callable[[str], None], refuse: Callable[[str], None]) -> None:
        super().__init__()
        self.order = order
        self.give = give
        self.refuse = refuse
