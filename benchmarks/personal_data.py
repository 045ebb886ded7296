"""How well personal data is found, on made-up texts of which is known what they hold.

    python benchmarks/personal_data.py

Values are made by chance, with correct check digits.  Printed are, for each kind, how many there
are, the share of finds that are right (precision), and the share of what is there that is found
(recall).  Some lines hold what no pattern finds: a password, an address that is spelled out.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator

from pipeline.quality.pii import MARKS, luhn, replace

ROUNDS = 20  # texts of each line, with other values
LETTERS, SIGNS = string.ascii_letters, string.ascii_letters + string.digits

#: What holds something, by kind: `{name}` is a value that `VALUES` makes.
HOLDING: dict[str, tuple[str, ...]] = {
    "secrets": (
        "export OPENAI_API_KEY={openai}",
        'client = OpenAI(api_key="{openai}")',
        "ANTHROPIC_API_KEY: {anthropic}\nMODEL: default",
        'login(token="{hugging_face}")',
        "git clone https://user:{github}@github.com/example/example.git",
        "aws_access_key_id = {aws}",
        "the gateway takes {stripe} as its password",
        "curl -H 'PRIVATE-TOKEN: {gitlab}' https://gitlab.example/api",
        "password = {password}",
    ),
    "emails": (
        "Write to {email}.", "<{email}>", "mailto:{email}?subject=a", "Contact: {email}, or call.",
        "Anna ({email}) and I", "Write to {spelled_out}.",
    ),
    "public_ips": (
        "Failed password for root from {ip} port 22", "http://{ip}/index.html", "({ip})",
        "server {ip}:8080 answers", "release {ip} is the host",
    ),
    "accounts": (
        "IBAN: {account_apart}", "Please pay to {account}.", "account {account_apart} (main)",
        "iban {account_small}",
    ),
    "social_security": (
        "SSN: {social}", "My social security number is {social}.", "SSN {social_plain}",
        "Name: A. B.\nBorn: 1980\nNo: {social}", "({social_plain})",
    ),
    "cards": (
        "Card {card_apart}, good until 12/29", "cc={card}", "pay with {card_dashes} please",
    ),
    "phones": (
        "Call +44 20 7946 {four}.", "Tel. (415) 555-{four}", "phone: +49 30 901820{two}",
        "415-555-{four}", "Ring 020 7946 {four}.",
    ),
}  # fmt: skip

#: What holds nothing, but looks as if it did.
EMPTY: tuple[str, ...] = (
    "sk-proj-your-api-key-goes-right-here", "sk-ant-XXXXXXXXXXXXXXXXXXXXXXXX", "hf_" + "x" * 34,
    "hf_hub_download(repo_id, filename)", "the task-projection of a risk-antipattern", "AKIA",
    "class sk-spinner-double-bounce-container", "sha256: {hex}", "commit {hex}", "uuid {uuid}",
    "background: url(icon@2x.png)", "logo@home.svg", "npm install react@{version}",
    "vue@{version}-beta.next", "@decorator at a@b", "user@localhost", "a@{version}",
    "Mozilla/5.0 Chrome/{major}.0.0.0 Safari/537.36", "version {major}.2.33.4",
    "release {major}.1.7.21", "Firefox/{major}.0.12.3", "10.{two}.0.1", "192.168.1.{two}",
    "firmware {major}.0.3.2", "numpy=={major}.26.4.1", "section {version}.7",
    "model GB82 NORTH 1234", "part DE12 3456 7890 1234 5678 90", "NO12 3456 7890 123",
    "ISBN 978-0-306-40615-{digit}", "CAS 7732-18-5", "000-{two}-{four}", "900-{two}-{four}",
    "serial 12-345-67-{four}", "zip 12345-{four}", "2024-01-{two}", "20240101{six}",
    "order {six}-{four}", "pi is 3.14159265358979{four}", "1-{six}", "EAN 4006381333931",
    "{four} {four} {four}", "lines 100-200, 300-400", "f(x) = (x - 1)(x + 2)", "192 168 1 1",
)  # fmt: skip

VERSIONS = ("1.2.3", "18.2.0", "4.17.21", "0.9.12", "60.44.1")


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices(string.digits, k=count))


def _token(chance: random.Random, signs: str, count: int) -> str:
    return "".join(chance.choices(signs, k=count))


def _account(chance: random.Random) -> str:
    country, length = chance.choice([("DE", 18), ("NL", 14), ("GB", 18), ("FR", 23), ("NO", 11)])
    head = {"NL": "ABNA", "GB": "WEST"}.get(country, "")
    body = head + _digits(chance, length - len(head))
    rest = int("".join(str(int(sign, 36)) for sign in f"{body}{country}00")) % 97
    return f"{country}{98 - rest:02d}{body}"


def _card(chance: random.Random) -> str:
    head = chance.choice("45") + chance.choice("12345") + _digits(chance, 13)
    return next(head + digit for digit in string.digits if luhn(head + digit))


def _social(chance: random.Random) -> str:
    return f"{chance.randint(1, 665):03d}-{chance.randint(1, 99):02d}-{chance.randint(1, 9999):04d}"


def _apart(text: str, by: str = " ") -> str:
    return by.join(text[i : i + 4] for i in range(0, len(text), 4))


def _ip(chance: random.Random) -> str:
    return ".".join(str(chance.randint(41, 99)) for _ in range(4))


def _email(chance: random.Random) -> str:
    name = _token(chance, string.ascii_lowercase, 6)
    host = chance.choice(("example.org", "163.com", "mail.example.co.uk", "2x.example.com"))
    return f"{name}{chance.choice(('', '.b', '+list', '_99'))}@{host}"


Value = Callable[[random.Random], str]
#: What must be found; `_OTHERS` are parts of texts.
VALUES: dict[str, Value] = {
    "openai": lambda c: "sk-proj-" + _token(c, SIGNS + "-_", 40) + "T3" + _token(c, SIGNS, 20),
    "anthropic": lambda c: "sk-ant-api03-" + _token(c, SIGNS + "-_", 93) + "AA",
    "hugging_face": lambda c: "hf_" + _token(c, LETTERS, 34),
    "github": lambda c: "ghp_" + _token(c, SIGNS, 36),
    "aws": lambda c: "AKIA" + _token(c, string.ascii_uppercase + "234567", 16),
    "stripe": lambda c: "sk_live_" + _token(c, SIGNS, 24),
    "gitlab": lambda c: "glpat-" + _token(c, SIGNS, 20),
    "password": lambda c: _token(c, SIGNS, 12),
    "email": _email,
    "spelled_out": lambda c: _email(c).replace("@", " at "),
    "ip": _ip,
    "account": _account,
    "account_apart": lambda c: _apart(_account(c)),
    "account_small": lambda c: _account(c).lower(),
    "social": _social,
    "social_plain": lambda c: _social(c).replace("-", ""),
    "card": _card,
    "card_apart": lambda c: _apart(_card(c)),
    "card_dashes": lambda c: _apart(_card(c), "-"),
}
_OTHERS: dict[str, Value] = {
    "hex": lambda c: _token(c, "0123456789abcdef", 40),
    "uuid": lambda c: "-".join(_token(c, "0123456789abcdef", n) for n in (8, 4, 4, 4, 12)),
    "version": lambda c: c.choice(VERSIONS),
    "major": lambda c: str(c.randint(60, 140)),
    "digit": lambda c: _digits(c, 1),
    "two": lambda c: f"{c.randint(1, 98):02d}",
    "four": lambda c: _digits(c, 4),
    "six": lambda c: _digits(c, 6),
}


def texts() -> Iterator[tuple[str, str]]:
    """(the kind that a text holds once, the text); the kind is empty where it holds none."""
    chance, makers = random.Random(1), VALUES | _OTHERS
    lines = [(kind, line) for kind, some in HOLDING.items() for line in some]
    for kind, line in [*lines, *(("", line) for line in EMPTY)]:
        for _ in range(ROUNDS):
            yield kind, re.sub(r"\{(\w+)\}", lambda name: makers[name[1]](chance), line)


def measure() -> dict[str, tuple[int, float, float]]:
    """For each kind: how many there are, precision and recall of the marks that replace them."""
    there, right, wrong = Counter[str](), Counter[str](), Counter[str]()
    for kind, text in texts():
        there[kind] += 1
        marked = replace(text, MARKS)
        for name, mark in MARKS.items():
            count = marked.count(mark)
            right[name] += min(count, name == kind)
            wrong[name] += count - min(count, name == kind)
    return {
        name: (there[name], right[name] / (right[name] + wrong[name]), right[name] / there[name])
        for name in MARKS
    }


def main() -> None:
    """Prints the table of the docs."""
    for kind, (count, precision, recall) in measure().items():
        print(f"| {kind} | {count} | {precision:.3f} | {recall:.3f} |")


if __name__ == "__main__":
    main()
