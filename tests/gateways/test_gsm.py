"""What a text message holds in seven bits a letter."""

import pytest

from botkit.gateways.gsm import is_gsm


@pytest.mark.parametrize("text", ["", "Hello", "@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", "{[^~]}|\\€", "a\nb\rc"])
def test_a_text_of_the_alphabet_and_its_extension_is_sent_in_seven_bits(text: str) -> None:
    assert is_gsm(text)


@pytest.mark.parametrize("text", ["Привет", "ç", "`", "á", "“quoted”", "👍", "a\tb", "ć"])
def test_a_text_with_any_other_letter_is_not(text: str) -> None:
    assert not is_gsm(text)
    assert not is_gsm(f"Hello {text}")
