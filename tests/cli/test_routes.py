import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

WAYS = """
from botkit import App, Bot, Mitto, Smsc, Viber

viber, mitto, smsc = Viber(ta="v"), Mitto(ta="m"), Smsc(ta="s")
routes = {"code": viber.within(60) | mitto.within(30, "seen") | smsc}
app = App([Bot("bank", routers=[], accounts=[viber], routes=routes)])
"""

SIZE = '@parcel.button("size:{size}", state=("order", "number"))'
BOTS = """
from botkit import After, App, Bot, Flow, MessageReceived, ButtonPressed, Router, State, Trigger


class Parcel(Flow):
    states = ("idle", "number", State("order", ("size", "done")))
    ask = Trigger("*", "number")
    found = Trigger("number", "order", conditions="is_known")
    is_known: bool = True
    timeouts = {"number": After(minutes=30, trigger="ask"), "order.size": After(hours=1)}


parcel = Router(Parcel)
plain = Router()


@plain.fallback()
async def anything(event, ctx): ...

@parcel.text(r"^\\d+$")
async def digits(event, ctx): ...

@parcel.button("size:{size}", state=("order", "number"))
async def size(event, ctx): ...


app = App([
    Bot("parcel", routers=[plain, parcel], accounts=[]),
    Bot("empty", routers=[], accounts=[]),
])
"""


@pytest.fixture(autouse=True)
def bots(project: Path) -> None:
    (project / "bots.py").write_text(BOTS)


def line_of(text: str) -> int:
    return BOTS.splitlines().index(text) + 1


def test_routes_are_told_in_the_order_in_which_they_are_asked(run: Run) -> None:
    rows = json.loads(run("routes", "--json").out)
    assert [(row["number"], row["handler"]) for row in rows] == [(1, "size"), (2, "digits"), (3, "anything")]


def test_a_route_tells_what_it_is_for_and_where_it_is(run: Run) -> None:
    size, digits, anything = json.loads(run("routes", "--json").out)
    assert size == {
        "bot": "parcel",
        "number": 1,
        "events": ["ButtonPressed"],
        "filters": ["button 'size:{size}'"],
        "flow": "Parcel",
        "states": ["order", "number"],
        "handler": "size",
        "where": f"bots.py:{line_of(SIZE)}",
        "for_paused": False,
    }
    assert (digits["events"], digits["states"]) == (["MessageReceived"], [])
    assert (anything["events"], anything["flow"]) == (["MessageReceived", "ButtonPressed"], "Flow")


def test_routes_for_a_pause_come_last_and_say_so(run: Run, project: Path) -> None:
    paused = '@parcel.paused(state="number")\nasync def listen(event, ctx): ...\n\n\napp = App(['
    (project / "bots.py").write_text(BOTS.replace("app = App([", paused))
    row = json.loads(run("routes", "--json").out)[-1]
    assert (row["handler"], row["for_paused"], row["states"]) == ("listen", True, ["number"])
    assert "number, paused" in run("routes").out


def test_routes_are_printed_one_a_line_with_patterns_as_people_write_them(run: Run) -> None:
    done = run("routes", "--bot", "parcel")
    assert done.code == 0
    title, head, *rows = done.out.splitlines()
    assert (title.strip(), head.split()) == ("parcel", ["#", "event", "filter", "state", "handler", "where"])
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    assert r"text '^\d+$'" in rows[1]


def test_an_event_of_one_channel_is_printed_by_its_name(run: Run, project: Path) -> None:
    (project / "bots.py").write_text("""
from botkit import App, Bot, Router, telegram

router = Router()

@router.on(telegram.InlineQuery)
async def search(event, ctx): ...

app = App([Bot("search", routers=[router], accounts=[])])
""")
    (row,) = json.loads(run("routes", "--json").out)
    assert (row["events"], row["handler"]) == (["InlineQuery"], "search")


@pytest.mark.parametrize(
    ("state", "numbers"), [("idle", [2, 3]), ("number", [1, 2, 3]), ("order", [1, 2, 3]), ("order.size", [1, 2, 3])]
)
def test_the_routes_of_a_state_are_those_that_can_answer_in_it(run: Run, state: str, numbers: list[int]) -> None:
    assert [row["number"] for row in json.loads(run("routes", "--state", state, "--json").out)] == numbers


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("routes", "--state", "nummber"), "no flow has a state 'nummber'; did you mean 'number'?"),
        (("routes", "--bot", "parcle"), "no bot 'parcle'; did you mean 'parcel'?"),
        (("graph", "Parzel"), "no flow 'Parzel'; did you mean 'Parcel'?"),
        (("graph", "Parcel", "--bot", "empty"), "no flow 'Parcel'\n  there are: none"),
        (("graph", "Parcel", "--format", "svg"), "svg"),
        (("routes", "--app", "bots"), "expected module:attribute such as bots:app, not 'bots'"),
    ],
)
def test_an_unknown_name_is_misuse_and_the_nearest_one_is_told(run: Run, args: tuple[str, ...], said: str) -> None:
    done = run(*args)
    assert done.code == 2
    assert said in done.err


def test_a_project_without_the_application_is_not_configured(run: Run) -> None:
    done = run("routes", "--app", "robots:app")
    assert done.code == 3
    assert "botkit new" in done.err


def test_graph_draws_moves_and_timeouts_as_lines(run: Run) -> None:
    assert run("graph", "Parcel").out.splitlines() == [
        "Parcel begins in idle; * is every state",
        "           * --ask--> number",
        "      number --found [is_known]--> order",
        "      number --after 30 min / ask--> number",
        "  order.size --after 1 h--> (a handler)",
    ]


def test_graph_draws_a_mermaid_diagram(run: Run) -> None:
    out = run("graph", "Parcel", "--format", "mermaid").out
    assert out.startswith("stateDiagram-v2\n")
    assert "s_number --> s_order: found [is_known]" in out


def test_graph_without_a_flow_lists_the_flows_and_their_bots(run: Run) -> None:
    assert run("graph").out == "Parcel  bot parcel: idle, number, order, order.size, order.done\n"


def test_graph_tells_programs_states_and_arrows(run: Run) -> None:
    (flow,) = json.loads(run("graph", "Parcel", "--json").out)
    assert (flow["flow"], flow["bots"], flow["initial"]) == ("Parcel", ["parcel"], "idle")
    assert flow["states"] == ["idle", "number", "order", "order.size", "order.done"]
    assert flow["arrows"][0] == {"source": "*", "dest": "number", "label": "ask"}


@pytest.mark.parametrize("command", ["chat", "webhook", "routes", "graph", "doctor", "messages", "new"])
def test_the_help_of_every_command_has_an_example(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert f"Example: botkit {command}" in done.out


def test_the_ways_of_messages_stand_below_with_their_times(run: Run, project: Path) -> None:
    (project / "bots.py").write_text(WAYS)
    way = "v on viber, delivered within 60 s | m on mitto, seen within 30 s | s on smsc"
    assert f'messages with route="code": {way}' in run("routes").out.splitlines()
