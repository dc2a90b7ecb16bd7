"""Outputs: those of the certificate under the cursor, and everything in the network that waits to be claimed."""

import json
from collections.abc import Sequence

from typing_extensions import override

from mesh_app.format import amount
from mesh_app.spans import Line
from mesh_app.state import State
from mesh_app.widgets.fact_list import CERTIFICATE, Fact, heading
from mesh_app.widgets.ledger_account import output_fact
from mesh_app.widgets.ledger_summary import DetailList
from mesh_app.widgets.line_view import wrapped


class OutputsPane(DetailList):
    """Who can claim what, and what was claimed by which certificate."""

    BORDER_TITLE = "Outputs"

    @override
    def facts(self, state: State, width: int) -> Sequence[Fact]:
        detail, waiting = self.detail(state), state.ledger.outputs
        facts: list[Fact] = []
        if detail is not None and detail.outputs:
            facts.append(heading("of this certificate", width))
            for output in detail.outputs:
                found = output_fact(state, output, with_owner=True)
                goes_to = (CERTIFICATE, output.claimed_by) if output.claimed_by else None
                told = found.told.replace("Enter shows the certificate that made it.", "Enter shows that claim." if goes_to else "")
                facts.append(Fact(f"own {found.key}", found.line, found.copied, told, goes_to))
        if waiting is not None:
            count = "" if waiting.count is None else f" · {amount(waiting.count)}"
            facts.append(heading(f"waiting in the whole network{count}", width))
            facts += [output_fact(state, output, with_owner=True) for output in waiting.outputs]
            if not waiting.outputs:
                text = "the log is too long to be followed here" if waiting.count is None else "nothing: everything that was paid is claimed"
                facts.append(Fact("none", wrapped(text, width, tone="dim")[0]))
        return facts

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        return wrapped("What was paid waits here until its owner claims it.", width, tone="dim")

    @override
    def json_form(self, state: State) -> tuple[str, str] | None:
        waiting = state.ledger.outputs
        if waiting is None:
            return None
        listed = [{"output": output.output, "owner": output.owner, "commitment": output.commitment} for output in waiting.outputs]
        return "claimable outputs", json.dumps({"count": waiting.count, "outputs": listed}, indent=2)
