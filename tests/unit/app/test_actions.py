"""The registry of actions: nothing is bound twice in one scope, nothing is without words."""

from itertools import combinations

from mesh_app.actions import ACTIONS, SCOPE_TITLES, actions_of

SCREENS = ("network", "wallets", "pay", "ledger", "laboratory", "validators", "performance")


def test_ids_are_distinct() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)


def test_no_key_has_two_actions_where_both_are_in_force() -> None:
    together = [("everywhere", scope) for scope in SCOPE_TITLES if scope != "everywhere"] + [("lists", "filter"), ("filter", "events")]
    together += [(screen, part) for screen in SCREENS for part in ("lists", "filter")]
    for first, second in combinations(ACTIONS, 2):
        shared = set(first.keys.split(",")) & set(second.keys.split(","))
        if shared and (first.scope == second.scope or (first.scope, second.scope) in together or (second.scope, first.scope) in together):
            # The form repeats what its keys do everywhere, with words for the form.
            if "filter" in {first.scope, second.scope} and shared == {"escape"}:
                continue  # escape clears a filter where there is one, and leads back where there is none
            assert {"form", "filter_line", "load_form", "performance"} & {first.scope, second.scope}
            assert first.name.removeprefix("app.") == second.name.removeprefix("app.")


def test_every_scope_has_a_title_and_every_action_words() -> None:
    assert {action.scope for action in ACTIONS} <= SCOPE_TITLES.keys()
    assert all(action.label and action.text for action in ACTIONS)
    assert sum(len(actions_of(scope)) for scope in SCOPE_TITLES) == len(ACTIONS)


def test_keys_are_shown_as_printed_on_a_keyboard() -> None:
    shown = {action.name: action.shown_keys for action in ACTIONS}
    assert shown["show('help')"] == ("?", "f1", "8")
    assert shown["screenshot_file"] == ("^s",)
