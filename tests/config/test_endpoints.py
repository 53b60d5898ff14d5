"""What an endpoint's table may say beside its address."""

from pathlib import Path

import pytest
from tests.config.reading import load

from tokenfall.config import Deadlines, Endpoint, Folders
from tokenfall.errors import ConfigError

URL = 'base_url = "https://x.test/v1"\n'


def test_every_key(where: Folders) -> None:
    text = f"""\
[endpoints.x]
{URL}proxy = "http://someone:canary@proxy.test:3128"
ca_file = "own.pem"
retries = 0
insecure_http = true
[endpoints.x.extra_body]
top_k = 40
stop = ["\\n", "END"]
provider = {{ order = ["a"], strict = true, share = 0.5 }}
[endpoints.x.deadlines]
connect = 1
first_event = 2.5
between_events = 3
whole = 4
warn = 5
body = 6
"""
    (found,) = load(where, text).endpoints
    assert found == Endpoint(
        "x",
        "openai-chat",
        "https://x.test/v1",
        deadlines=Deadlines(1.0, 2.5, 3.0, 4.0, 5.0, 6.0),
        extra_body={"top_k": 40, "stop": ["\n", "END"], "provider": {"order": ["a"], "strict": True, "share": 0.5}},
        proxy="http://someone:canary@proxy.test:3128",
        ca_file=where.config / "own.pem",
        retries=0,
        insecure_http=True,
    )
    assert "canary" not in repr(found)


def test_what_is_not_said_stays(where: Folders) -> None:
    (found,) = load(where, f"[endpoints.x]\n{URL}deadlines = {{ warn = 3 }}").endpoints
    assert found == Endpoint("x", "openai-chat", "https://x.test/v1", deadlines=Deadlines(warn=3.0))


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "Cookie", "x-api-key", "X-Goog-Api-Key", "X-Auth-Token"])
def test_a_key_in_a_header_travels_encrypted_unless_it_is_allowed(where: Folders, name: str) -> None:
    text = f"[endpoints.x]\nbase_url = 'http://x.test'\nheaders = {{ {name} = 'k' }}\n"
    with pytest.raises(ConfigError, match=r"line 2: .*to x\.test; use https, or send no key, or allow it with insecure_http = true"):
        load(where, text)
    assert load(where, f"{text}insecure_http = true").endpoints[0].insecure_http
    assert load(where, text.replace("x.test", "127.0.0.1")).endpoints
    assert load(where, text.replace("http:", "https:")).endpoints


@pytest.mark.parametrize("name", ["X-Title", "X-Max-Tokens", "HTTP-Referer", "X-Keyboard"])
def test_other_headers_may_go_anywhere(where: Folders, name: str) -> None:
    assert load(where, f"[endpoints.x]\nbase_url = 'http://x.test'\nheaders = {{ {name} = 'k' }}").endpoints


@pytest.mark.parametrize(
    ("text", "path"),
    [("/etc/ca.pem", "/etc/ca.pem"), ("~/ca.pem", str(Path.home() / "ca.pem"))],
)
def test_certificates_elsewhere(where: Folders, text: str, path: str) -> None:
    (found,) = load(where, f"[endpoints.x]\n{URL}ca_file = '{text}'").endpoints
    assert found.ca_file == Path(path)


@pytest.mark.parametrize("proxy", ["none", "http://p", "https://p.test:8443", "socks5://[::1]:1080", "socks5h://u:p@p"])
def test_proxies(where: Folders, proxy: str) -> None:
    (found,) = load(where, f"[endpoints.x]\n{URL}proxy = '{proxy}'").endpoints
    assert found.proxy == proxy


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("retries = 11", 3, "endpoints.x.retries must be a whole number from 0 to 10."),
        ("retries = -1", 3, "from 0 to 10"),
        ("retries = true", 3, "from 0 to 10"),
        ("retries = 1.0", 3, "from 0 to 10"),
        ("insecure_http = 'yes'", 3, "endpoints.x.insecure_http must be true or false."),
        ("ca_file = 1", 3, "endpoints.x.ca_file must be the path of a file with certificates."),
        ('ca_file = "a\\u0000b"', 3, "endpoints.x.ca_file must be the path"),
        ("ca_file = '~nobody-here/x'", 3, "There is no home folder for '~nobody-here/x'."),
        ("proxy = 1", 3, "endpoints.x.proxy must be the URL of a proxy, such as"),
        ("proxy = 'proxy.test:3128'", 3, "endpoints.x.proxy must be"),
        ("proxy = 'http://canary@'", 3, "endpoints.x.proxy must be"),
        ("proxy = 'http://u:canary@p:99999'", 3, "endpoints.x.proxy must be"),
        ("proxy = 'http://u:canary@p test'", 3, "endpoints.x.proxy must be"),
        ("proxy = 'ftp://u:canary@p'", 3, "endpoints.x.proxy must be"),
        ("extra_body = []", 3, "endpoints.x.extra_body must be a table, [endpoints.x.extra_body]."),
        ("[endpoints.x.extra_body]\na = 1\nb = { c = [2000-01-01] }", 5, "endpoints.x.extra_body.b must be what JSON can hold"),
        ("[endpoints.x.extra_body]\na = nan", 4, "endpoints.x.extra_body.a must be what JSON can hold"),
        ("deadlines = 5", 3, "endpoints.x.deadlines must be a table, [endpoints.x.deadlines]."),
        ("[endpoints.x.deadlines]\nwarn = 1\nfirst = 2", 5, "'first' is not a setting of [endpoints.x.deadlines]. Did you mean"),
        ("[endpoints.x.deadlines]\nbody = 0", 4, "endpoints.x.deadlines.body must be a number of seconds, more than 0."),
        ("[endpoints.x.deadlines]\nbody = inf", 4, "seconds, more than 0"),
        ("[endpoints.x.deadlines]\nbody = '5 s'", 4, "seconds, more than 0"),
        ("[endpoints.x.deadlines]\nbody = true", 4, "seconds, more than 0"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(where: Folders, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(where, f"[endpoints.x]\n{URL}{text}")
    assert str(error.value).startswith(f"{where.config_file}, line {line}: ")
    assert said in str(error.value)
    assert "canary" not in str(error.value)
