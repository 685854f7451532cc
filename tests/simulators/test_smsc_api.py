"""Who may ask the simulated SMSC, in which alphabet, and that it always answers 200."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from botkit.simulators.wire import Fault
from tests.simulators.smsc_rig import KEY, PASSWORD, TO_ANA, Rig, digest, opened

REFUSED = "ERROR = 2 (authorise error)"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with opened() as rig:
        yield rig


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"psw": digest(PASSWORD)},
        {"login": None, "psw": None, "apikey": KEY},
        {"login": "", "psw": KEY},
        {"login": None, "psw": KEY},
    ],
    ids=["password", "digest", "key", "key as password", "key without login"],
)
async def test_there_are_four_ways_to_say_who_asks(rig: Rig, credentials: dict[str, Any]) -> None:
    assert await rig.asks("balance", **credentials) == "1000.00"


@pytest.mark.parametrize(
    "credentials",
    [
        {"psw": "wrong"},
        {"psw": digest(PASSWORD).upper()},
        {"psw": KEY},
        {"login": "other"},
        {"login": ""},
        {"login": None, "psw": None},
        {"apikey": "wrong"},
        {"login": None, "psw": None, "apikey": PASSWORD},
    ],
    ids=["password", "upper digest", "key with login", "login", "no login", "nothing", "key", "password as key"],
)
async def test_whoever_does_not_is_refused(rig: Rig, credentials: dict[str, Any]) -> None:
    assert await rig.asks("balance", **credentials) == REFUSED


async def test_a_client_without_a_key_has_none(rig: Rig) -> None:
    for account in rig.accounts.values():
        account.api_key = None
    assert await rig.asks("balance", login=None, psw=None, apikey=KEY) == REFUSED
    assert await rig.asks("balance") == "1000.00"


async def test_an_address_that_is_not_on_the_list_is_refused_like_a_wrong_password(rig: Rig) -> None:
    rig.simulator.allow("sms", "10.0.0.1", "10.0.0.2")
    assert await rig.asks("balance") == REFUSED
    rig.http = rig.connect("10.0.0.2")
    assert await rig.asks("balance") == "1000.00"
    rig.simulator.allow("sms")
    rig.http = rig.connect("10.0.0.3")
    assert await rig.asks("balance") == "1000.00"


async def test_accounts_with_one_login_are_one_client(rig: Rig) -> None:
    await rig.sends(op=0)
    assert {rig.simulator.client(ta).balance for ta in rig.accounts} == {100_000 - 140}


# --- forms and alphabets


async def test_parameters_are_read_from_the_query_and_from_a_form(rig: Rig) -> None:
    credentials = f"login=demo&psw={PASSWORD}"
    assert (await rig.http.get(f"/sys/balance.php?{credentials}")).text == "1000.00"
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert (await rig.http.post("/sys/balance.php", content=credentials, headers=form)).text == "1000.00"
    both = await rig.http.post("/sys/balance.php?login=demo", content=f"psw={PASSWORD}", headers=form)
    assert both.text == "1000.00"


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
async def test_a_body_of_another_type_is_not_read(rig: Rig, media_type: str) -> None:
    headers = {"content-type": media_type} if media_type else {}
    answer = await rig.http.post("/sys/balance.php", content=f"login=demo&psw={PASSWORD}", headers=headers)
    assert answer.text == REFUSED


async def test_without_a_charset_what_comes_and_goes_is_windows_1251(rig: Rig) -> None:
    await rig.asks("phones", add=1, phone=TO_ANA, name="Аня", charset=None)
    garbled = await rig.asks("phones", get=1, fmt=3)
    assert "Аня" not in garbled
    assert "Аня".encode().decode("cp1251") in garbled
    await rig.asks("phones", chg=1, phone=TO_ANA, name="Аня", charset=None, encoding="cp1251")
    assert "Аня" in await rig.asks("phones", get=1, fmt=3, op=1)
    answer = await rig.http.get(f"/sys/phones.php?get=1&fmt=3&login=demo&psw={PASSWORD}")
    assert "Аня".encode("cp1251") in answer.content
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode()


@pytest.mark.parametrize(("charset", "codec"), [("utf-8", "utf-8"), ("UTF-8", "utf-8"), ("koi8-r", "koi8-r")])
async def test_a_charset_counts_both_ways(rig: Rig, charset: str, codec: str) -> None:
    await rig.asks("phones", add=1, phone=TO_ANA, name="Аня", charset=charset, encoding=codec)
    query = f"get=1&fmt=1&charset={charset}&login=demo&psw={PASSWORD}"
    assert "Аня".encode(codec) in (await rig.http.get(f"/sys/phones.php?{query}")).content


async def test_letters_that_a_charset_lacks_become_question_marks(rig: Rig) -> None:
    await rig.asks("phones", add=1, phone=TO_ANA, name="漢字")
    answer = await rig.http.get(f"/sys/phones.php?get=1&fmt=1&login=demo&psw={PASSWORD}")
    assert b",??," in answer.content.replace(TO_ANA.encode(), b"")


async def test_bytes_that_are_no_letters_are_no_error(rig: Rig) -> None:
    query = f"login=demo&psw={PASSWORD}&charset=utf-8&phones={TO_ANA}&mes=%FF%FE"
    assert (await rig.http.get(f"/sys/send.php?{query}")).text.startswith("OK - 1 SMS")


@pytest.mark.parametrize(("name", "value"), [("charset", "latin-1"), ("fmt", "4"), ("fmt", "x"), ("fmt", "-1")])
async def test_an_unknown_form_or_alphabet_is_an_error_of_the_parameters(rig: Rig, name: str, value: str) -> None:
    assert await rig.asks("balance", **{name: value}) == f"ERROR = 1 (parameters error: {name})"


async def test_the_last_one_of_a_name_counts(rig: Rig) -> None:
    answer = await rig.http.get(f"/sys/balance.php?login=demo&psw=x&psw={PASSWORD}&fmt=0&fmt=3")
    assert answer.text == '{"balance": "1000.00"}'


# --- answers


async def test_an_error_comes_with_200_and_the_type_of_an_answer_tells_nothing(rig: Rig) -> None:
    for fmt in range(4):
        answer = await rig.http.get(f"/sys/balance.php?fmt={fmt}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=windows-1251"


async def test_other_scripts_and_methods_do_not_exist(rig: Rig) -> None:
    assert (await rig.http.get("/sys/other.php")).status_code == 404
    assert (await rig.http.post("/rest/send/", json={})).status_code == 404
    assert (await rig.http.put("/sys/send.php")).status_code == 405


@pytest.mark.parametrize("code", range(1, 10))
async def test_any_code_is_answered_on_demand_once(rig: Rig, code: int) -> None:
    rig.simulator.refuse(code, "because")
    assert await rig.asks("status", phone=TO_ANA, id=1) == f"ERROR = {code} (because)"
    assert await rig.asks("status", phone=TO_ANA, id=1) == "Status = -3, check_time = "


async def test_the_service_in_trouble_shows_a_page_or_nothing(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(502, b"<html>502 Bad Gateway</html>"))
    rig.simulator.wire.faults.append(Fault(200, b""))
    first, second = [await rig.http.get("/sys/balance.php") for _ in range(2)]
    assert (first.status_code, second.status_code, second.content) == (502, 200, b"")


async def test_a_message_may_arrive_though_nobody_answers(rig: Rig) -> None:
    rig.simulator.wire.faults.append(Fault(drop=True, before=False))
    with pytest.raises(httpx.ReadError):
        await rig.sends("twice?", id=70_001)
    assert rig.sees("sms") == ["twice?"]
    assert await rig.asks("status", phone=TO_ANA, id=70_001) != "Status = -3, check_time = "
    rig.simulator.wire.faults.append(Fault(drop=True))
    with pytest.raises(httpx.ReadError):
        await rig.sends("never", id=70_002)
    assert rig.sees("sms") == ["twice?"]


async def test_the_log_of_calls_has_no_credentials(rig: Rig) -> None:
    await rig.asks("send", phones=TO_ANA, mes="psw=see&apikey=see", apikey=KEY)
    await rig.http.get(f"/sys/balance.php?psw={quote('сек рет')}&login=x")
    first, second = rig.simulator.wire.calls()
    assert (first.name, first.account, second.name, second.account) == ("send", "sms", "balance", "")
    for call in (first, second):
        assert b"psw=***" in call.request
        assert not [word for word in (PASSWORD, KEY, quote("сек рет")) if word.encode() in call.request]
    assert first.answer.startswith(b"OK - 1 SMS, ID - ")
