from botkit.diagram import Arrow, mermaid


def test_a_diagram_holds_states_arrows_and_the_mark_of_the_current_state() -> None:
    drawn = mermaid(["idle", "done"], [Arrow("", "idle", "")], [Arrow("idle", "done", "finish")], "done")
    assert drawn.splitlines() == [
        "stateDiagram-v2",
        "    [*] --> s_idle",
        '    state "idle" as s_idle',
        '    state "done" as s_done',
        "    s_idle --> s_done: finish",
        "    classDef current fill:#ffd54f,stroke:#333,color:#000",
        "    class s_done current",
    ]


def test_states_inside_a_state_are_drawn_inside_it_with_their_own_entry() -> None:
    entries = [Arrow("", "order", ""), Arrow("order", "order.size", ""), Arrow("order.size", "order.size.s", "")]
    drawn = mermaid(["order", "order.size", "order.size.s", "order.address"], entries, [])
    assert drawn.splitlines()[1:] == [
        "    [*] --> s_order",
        '    state "order" as s_order {',
        "        [*] --> s_order_size",
        '        state "size" as s_order_size {',
        "            [*] --> s_order_size_s",
        '            state "s" as s_order_size_s',
        "        }",
        '        state "address" as s_order_address',
        "    }",
    ]


def test_an_arrow_to_nowhere_is_a_note() -> None:
    drawn = mermaid(["idle"], [Arrow("", "idle", "")], [Arrow("idle", "", "after 1 h")])
    assert "    note right of s_idle : after 1 h" in drawn.splitlines()


def test_without_a_current_state_none_is_marked() -> None:
    assert "current" not in mermaid(["idle"], [Arrow("", "idle", "")], [])
