"""`kulanz decide`: one order from a file, decided here or by a running gateway."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from click.testing import CliRunner
from werkzeug.serving import make_server

from gateway import answer_text, cli, commands_decide, config, question_file
from gateway.core.errors import GatewayError, Invalid
from gateway.core.ids import to_public
from gateway.core.strict_json import NotJson
from gateway.merchants.auth import BadKey, ScopeMissing
from tests.builders import a_question, a_world

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def kulanz(services, world, tmp_path, monkeypatch):
    """Run a command line in this process, over the test's database; what it printed, or the error it raised."""
    monkeypatch.delenv("KULANZ_KEY", raising=False)
    operator = SimpleNamespace(
        services=services,
        settings=config.load({"KULANZ_DATA_DIR": str(tmp_path / "nothing-here")}),
        merchant_ids=lambda: [world.merchant_id],
    )

    def run(*words, stdin=None):
        result = CliRunner().invoke(cli.main, [str(word) for word in words], input=stdin, obj=operator)
        if isinstance(result.exception, GatewayError):
            raise result.exception
        return result

    return run


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("question.yaml", "question"),
        ("woocommerce-cart.json", "woocommerce-cart"),
        ("woocommerce-order.json", "woocommerce-order"),
        ("shopify-order.json", "shopify-order"),
    ],
)
def test_every_example_is_decided_and_printed(kulanz, world, file, source):
    """As the documentation shows it."""
    shown = kulanz("decide", EXAMPLES / file, "--from", source, "--key", world.secret)
    assert shown.exit_code == 0, shown.output
    head, _, *menu = shown.output.splitlines()
    assert head.startswith("dec_")
    assert menu[0].split() == ["method", "kind", "deposit", "exp.", "loss", "contribution", "why"]
    assert menu[1].startswith("1.")
    assert "Probabilities: default" in shown.output


def test_json_is_the_answer_of_the_api(kulanz, world, app):
    """The same decision can be read over HTTP."""
    shown = kulanz("decide", EXAMPLES / "question.yaml", "--key", world.secret, "--format", "json")
    answer = json.loads(shown.output)
    assert app.test_client().get(f"/v1/decisions/{answer['id']}", headers=world.auth).json == answer


def test_standard_input_is_a_file_too(kulanz, world):
    """`kulanz decide -`, for pipes."""
    shown = kulanz("decide", "-", "--key", world.secret, "--format", "json", stdin=json.dumps(a_question()))
    assert json.loads(shown.output)["total_minor"] == 12_490


def test_the_operator_decides_for_a_shop_without_its_key(kulanz, world):
    """Whoever runs the program may; a shop of nobody is refused."""
    shop = to_public("shp", world.shop_id)
    assert kulanz("decide", EXAMPLES / "question.yaml", "--shop", shop).exit_code == 0
    with pytest.raises(commands_decide.ShopOfNobody):
        kulanz("decide", EXAMPLES / "question.yaml", "--shop", to_public("shp", world.merchant_id))


def test_without_key_shop_or_demo_it_says_what_is_missing(kulanz):
    """Nothing is guessed."""
    with pytest.raises(commands_decide.ShopNotNamed):
        kulanz("decide", EXAMPLES / "question.yaml")


def test_a_wrong_or_narrow_key_is_refused(kulanz, services):
    """The command is no way round the keys' scopes."""
    with pytest.raises(BadKey):
        kulanz("decide", EXAMPLES / "question.yaml", "--key", "kz_live_wrong")
    reader = a_world(services, scopes=frozenset({"decisions:read"}))
    with pytest.raises(ScopeMissing):
        kulanz("decide", EXAMPLES / "question.yaml", "--key", reader.secret)


def test_the_menu_can_be_named_on_the_command_line(kulanz, world):
    """An order names one method; the shop has more."""
    menu = ("--method", "cheque", "--method", "acme=sepa_debit", "--method", "bacs")
    words = ("decide", EXAMPLES / "woocommerce-order.json", "--from", "woocommerce-order", "--format", "json")
    answer = json.loads(kulanz(*words, *menu, "--key", world.secret).output)
    assert {offer["method"]: offer["kind"] for offer in answer["offers"]} == {
        "cheque": "invoice",
        "acme": "sepa_debit",
        "bacs": "prepayment",
    }


def test_faults_name_the_place(kulanz, world, tmp_path):
    """The same code and path as the API."""
    (tmp_path / "order.json").write_text(json.dumps(a_question(total_minor=1)))
    with pytest.raises(Invalid) as refused:
        kulanz("decide", tmp_path / "order.json", "--key", world.secret)
    assert refused.value.facts["errors"][0]["path"] == "/total_minor"
    with pytest.raises(Invalid) as unknown:
        kulanz("decide", tmp_path / "order.json", "--from", "magento-order", "--key", world.secret)
    assert "shopify-order" in unknown.value.facts["errors"][0]["message"]


def test_errors_end_with_code_path_and_status_two(monkeypatch, capsys, tmp_path):
    """For scripts and for people."""
    (tmp_path / "order.json").write_text('{"currency": "EUR"}')
    monkeypatch.setattr("sys.argv", ["kulanz", "decide", str(tmp_path / "order.json"), "--from", "shopify-order"])
    with pytest.raises(SystemExit) as ended:
        cli.run()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "mapping-error: The platform's document cannot be read; `errors` names the place.",
        "  /id: is missing",
    ]


def test_a_mistyped_choice_and_a_mistyped_address_are_told_by_their_option(kulanz, world, tmp_path):
    """With what may be chosen, and how an address begins."""
    (tmp_path / "order.json").write_text(json.dumps(a_question()))
    with pytest.raises(Invalid) as choice:
        kulanz("decide", tmp_path / "order.json", "--select", "chequ", "--key", world.secret)
    with pytest.raises(Invalid) as address:
        kulanz("decide", tmp_path / "order.json", "--url", "127.0.0.1:8000", "--key", world.secret)
    (chosen,), (asked,) = choice.value.facts["errors"], address.value.facts["errors"]
    assert chosen["path"] == "/select"
    assert chosen["message"].startswith("is none of ")
    assert asked == {"path": "/url", "message": "begins with http:// or https:// and names a host"}


def test_a_blank_of_any_width_is_shown_as_one():
    """Between amount and currency stands one that does not break; what steers a terminal is shown as replaced."""
    assert answer_text.printable("104,90\u00a0\u20ac\x1b[2J") == "104,90 \u20ac\ufffd[2J"


@pytest.fixture
def running(app):
    """The application behind a real socket."""
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_running_gateway_is_asked_over_http(kulanz, world, running):
    """The same menu; its refusals come through with code and place."""
    words = ("decide", EXAMPLES / "question.yaml", "--url", running, "--key", world.secret)
    answer = json.loads(kulanz(*words, "--format", "json").output)
    stored = requests.get(f"{running}/v1/decisions/{answer['id']}", headers=world.auth, timeout=5).json()
    assert stored == answer
    with pytest.raises(commands_decide.GatewayRefused) as refused:
        kulanz(*words, "--method", "acme=magic")
    assert refused.value.detail.startswith("422 invalid-input")
    assert refused.value.facts["errors"][0]["path"] == "/methods/0/kind"


def test_a_gateway_that_is_not_there_is_told_plainly(kulanz, world):
    """No trace of sockets."""
    with pytest.raises(commands_decide.GatewayUnreachable):
        kulanz("decide", EXAMPLES / "question.yaml", "--url", "http://127.0.0.1:9", "--key", world.secret)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("country: NO", {"country": "NO"}),
        ("postcode: 01067", {"postcode": "01067"}),
        ("day: 2026-11-22", {"day": "2026-11-22"}),
        ("total: 12_490", {"total": "12_490"}),
        ("phone: +49 40 123", {"phone": "+49 40 123"}),
        ("guest: true\nsum: 12\nrate: 1.5\nnothing: null", {"guest": True, "sum": 12, "rate": 1.5, "nothing": None}),
    ],
)
def test_yaml_means_what_it_looks_like(text, value):
    """Norway is not false, Dresden's postcode is not octal, a date is text."""
    assert question_file.decode_yaml(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "a: 1\na: 2",
        "{a: 1, a: 2}",
        "!!python/object/apply:os.system ['true']",
        "a: [",
        "[" * 5_000,
        "a: .nan\nb: !!float .nan",
        "a: !!binary aGk=",
        "a: !!set {x}",
        "--- 1\n--- 2",
        "? [a]\n: 1",
        "\x00",
        "\xff",
    ],
)
def test_yaml_that_json_could_not_say_is_refused(text):
    """No aliases, double names, objects, documents after the first, nor anything that breaks the reader."""
    with pytest.raises((question_file.NotYaml, NotJson)):
        question_file.decode_yaml(text.encode("latin-1"))


def test_files_that_cannot_be_read_or_are_too_large_are_refused(tmp_path):
    """Four megabytes are more than any order."""
    with pytest.raises(question_file.FileUnreadable):
        question_file.read(str(tmp_path / "none.json"), None)
    (tmp_path / "large.json").write_bytes(b" " * (question_file.MAX_BYTES + 1))
    with pytest.raises(question_file.FileTooLarge):
        question_file.read(str(tmp_path / "large.json"), None)
