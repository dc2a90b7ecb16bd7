"""Actions of the validators screen: on the validator that is chosen in its list, wherever the focus is; in the log; on a line."""

from typing import Final

from mesh_app.actions.action import Action

ACTIONS: Final[tuple[Action, ...]] = (
    Action("validators", "kill", "K", "Kill -9", "Kill it (SIGKILL), as a crash would"),
    Action("validators", "restart", "r", "Restart", "Restart it"),
    Action("validators", "start", "s", "Start", "Start it"),
    Action("validators", "stop", "x", "Stop", "Ask it to stop"),
    Action("validators", "pause", "space,P", "Pause", "Pause it (SIGSTOP), as a machine that hangs; again: let it go on"),
    Action("validators", "restart_all", "R", "All", "Restart all, one after the other", in_palette=True),
    Action("validators", "wipe", "D", "Wipe", "Delete its data, as a lost disk does; asks for its name"),
    Action("validators", "lift", "L", "Lift", "Lift its quarantine; asks for a sentence"),
    Action("validators", "tab('links')", "l", "Links", "The lines between validators and wallets: cut, slow, heal"),
    Action("validators", "next_tab(1)", "right_square_bracket", "Next tab", "Next of Log, Links, Config, Metrics", in_bar=False),
    Action("validators", "next_tab(-1)", "left_square_bracket", "Previous tab", "The one before", in_bar=False),
    Action("log", "follow", "f", "Follow", "Follow the newest line, as end does"),
    Action("log", "wrap", "w", "Wrap", "Break long lines, or cut them"),
    Action("log", "mark", "m", "Mark", "Write a mark into the log, to find the place again"),
    Action("log", "clear", "c", "Clear", "Begin the view here; the file keeps everything. Again: all lines"),
    Action("lines", "cut", "c", "Cut", "Cut the line; nothing passes"),
    Action("lines", "slower", "plus,d", "Slower", "Slower: 20, 50, 100, 250, 500 ms each way"),
    Action("lines", "lose", "percent_sign", "Lose", "Lose 1, 5, 20, 50 % of the datagrams"),
    Action("lines", "heal", "e,minus", "Heal", "Direct again"),
    Action("lines", "heal_all", "E", "Heal all", "Every line direct again"),
    Action("lines", "move(-1,0)", "up,k", "Up", "Who dials", in_bar=False),
    Action("lines", "move(1,0)", "down,j", "Down", "Who dials", in_bar=False),
    Action("lines", "move(0,-1)", "left,h", "Left", "Who is dialled", in_bar=False),
    Action("lines", "move(0,1)", "right,l", "Right", "Who is dialled", in_bar=False),
)
