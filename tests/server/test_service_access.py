"""Who may do what: every address with every role, other people's jobs and bits, and keys that are no good."""

import base64
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from labctl.client import AgentClient, Client
from labctl.core.bits import Origin
from labctl.core.errors import KeyRefused, NotAllowed, ServiceError
from labctl.ledger.engine import migrate, open_ledger
from labctl.ledger.values import Role
from labctl_server.app import create_app
from labctl_server.serving import listen, serving
from labctl_server.settings import Settings

OWN = "the key of this service's own agents"
OPEN = {"/healthz", "/readyz", "/openapi.json", "/docs"}
EVERYBODY = ("viewer", "submitter", "operator", "admin")
ABOVE = {role: EVERYBODY[place:] for place, role in enumerate(EVERYBODY)}
DRAW = {"n_bits": 64, "consumer": "me", "purpose": "p", "accept_simulated": True}

# Which roles an address lets in. What is let in may still be answered 404, 409 or 422: there is nothing there.
RULES = [
    ("GET", r"/v1/keys", ABOVE["admin"]),
    ("POST", r"/v1/keys", ABOVE["admin"]),
    ("DELETE", r"/v1/keys/.*", ABOVE["admin"]),
    (".*", r"/v1/agent/.*", ("agent", "admin")),
    ("POST", r"/v1/draws", (*ABOVE["submitter"], "agent")),
    ("GET", r"/v1/draws/[^/]*/(bits|replay)", (*ABOVE["submitter"], "agent")),
    ("GET", r"/v1/segments/[^/]*/bits", ABOVE["submitter"]),
    ("GET", r"/v1/(bits|segments|draws)(/.*)?", (*ABOVE["viewer"], "agent")),
    ("POST", r"/v1/.*", ABOVE["submitter"]),
    ("GET", r"/v1/.*|/|/metrics", ABOVE["viewer"]),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    migrate(folder)
    return folder


@pytest.fixture(scope="module")
def secrets(home):
    """A key for each role, by its name; the agent's is for the bench b1."""
    with open_ledger(home) as ledger:
        found = {
            str(role): ledger.keys.add(f"{role}-1", role, benches=["b1"] if role is Role.AGENT else None)[1]
            for role in Role
        }
        found["other"] = ledger.keys.add("somebody else", Role.SUBMITTER)[1]
        found["of b2"] = ledger.keys.add("guest", Role.OPERATOR, benches=["b2"])[1]
        gone, found["revoked"] = ledger.keys.add("gone", Role.ADMIN)
        ledger.keys.revoke(gone.id)
    with open_ledger(home, now=lambda: datetime.now(UTC) - timedelta(days=2)) as ledger:
        found["expired"] = ledger.keys.add("late", Role.ADMIN, expires_seconds=86_400)[1]
    return found


@pytest.fixture(scope="module")
def app(home, catalogue):
    return create_app(Settings(home, keys_required=True, own_agents_key=OWN), catalogue)


@pytest.fixture(scope="module")
def url(app, secrets):
    with serving(app) as address:
        yield address


@pytest.fixture
def as_(url, secrets):
    """``as_("viewer")``: HTTP with that key."""
    clients = []

    def start(who):
        headers = {"Authorization": f"Bearer {secrets.get(who, who)}"} if who else {}
        clients.append(httpx.Client(base_url=url, headers=headers, trust_env=False))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def agent(url):
    """The service's own agent, on the benches b1 and b2."""
    with AgentClient(url, "a1", key=OWN) as client:
        for bench in ("b1", "b2"):
            client.register(bench, origin=Origin.SIMULATED, station_digest="x", roles=[])
        yield client


def addresses(app):
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), re.sub(r"{\w+}", "nothing", path)
    yield "GET", "/"


def test_every_address_lets_in_whom_its_rule_says(app, as_):
    clients = {role: as_(role) for role in (*EVERYBODY, "agent")}
    seen = 0
    for method, path in addresses(app):
        if path in OPEN:
            assert as_(None).request(method, path).status_code == 200
            continue
        assert as_(None).request(method, path).status_code == 401, (method, path)
        rule = next(who for verb, where, who in RULES if re.fullmatch(verb, method) and re.fullmatch(where, path))
        for role, client in clients.items():
            where = path.replace("/benches/nothing", "/benches/b1")
            with client.stream(method, where, json={}) as answer:  # some answers have no end
                assert answer.status_code < 500
                assert (answer.status_code == 403) == (role not in rule), (method, path, role)
            seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "asks for a key"),
        ("", "asks for a key"),
        ("Bearer", "no key of this service"),
        ("Bearer labctl_nonsense", "no key of this service"),
        ("Bearer {expired}", "expired"),
        ("Bearer {revoked}", "revoked"),
        ("Basic !", "no key of this service"),
        ("Basic {viewer}", "no key of this service"),
        ("Digest {viewer}", "no key of this service"),
        ("{viewer}", "no key of this service"),
    ],
)
def test_a_key_that_is_no_good_is_refused_with_a_sentence(url, secrets, header, said):
    headers = {} if header is None else {"Authorization": header.format(**secrets)}
    answer = httpx.get(f"{url}/v1/jobs", headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:labctl:problem:key-refused"
    assert said in answer.json()["detail"]
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert not any(secret in answer.text for secret in secrets.values())


def test_a_browser_gives_the_key_as_a_password(url, secrets):
    basic = base64.b64encode(f"anybody:{secrets['viewer']}".encode()).decode()
    page = httpx.get(url, headers={"Authorization": f"Basic {basic}"}, trust_env=False)
    assert page.status_code == 200
    assert "Benches" in page.text


def test_a_job_is_its_owners_and_an_operators(as_, agent):
    submit = {"bench": "b1", "procedure": "look"}
    mine = as_("submitter").post("/v1/jobs", json=submit)
    assert mine.json()["owner"] == "submitter-1"
    cancel = f"/v1/jobs/{mine.json()['id']}/cancel"
    refused = as_("other").post(cancel)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:labctl:problem:not-allowed")
    assert "belongs to submitter-1" in refused.json()["detail"]
    assert as_("other").get(f"/v1/jobs/{mine.json()['id']}").status_code == 200
    assert as_("of b2").post(cancel).status_code == 403
    assert as_("operator").post(cancel).status_code == 200
    # nobody orders in another's name but an operator
    assert as_("submitter").post("/v1/jobs", json={**submit, "owner": "operator-1"}).status_code == 403
    assert as_("operator").post("/v1/jobs", json={**submit, "owner": "submitter-1"}).json()["owner"] == "submitter-1"


def test_the_same_idempotency_key_of_two_people_is_two_jobs(as_, agent):
    submit = {"bench": "b1", "procedure": "look"}
    made = [
        as_(who).post("/v1/jobs", json=submit, headers={"Idempotency-Key": "k"}).json()["id"]
        for who in ("submitter", "other", "submitter")
    ]
    assert made[0] == made[2] != made[1]
    other = as_("submitter").post("/v1/jobs", json={**submit, "priority": 1}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 422


def test_a_key_for_one_bench_is_for_no_other(as_, agent):
    job = as_("submitter").post("/v1/jobs", json={"bench": "b1", "procedure": "look"}).json()["id"]
    own = as_("of b2").post("/v1/jobs", json={"bench": "b2", "procedure": "look"}).json()["id"]
    assert as_("of b2").post("/v1/jobs", json={"bench": "b1", "procedure": "look"}).status_code == 403
    assert as_("of b2").get(f"/v1/jobs/{job}").status_code == 403
    assert as_("of b2").get(f"/v1/jobs/{job}/records").status_code == 403
    assert [each["id"] for each in as_("of b2").get("/v1/jobs").json()] == [own]
    assert as_("of b2").get("/v1/jobs?bench=b1").json() == []
    assert as_("of b2").post("/v1/draws", json=DRAW).status_code == 409  # b2 has made no bits
    registration = {"agent": "a9", "origin": "simulated", "station_digest": "x", "roles": []}
    assert as_("agent").put("/v1/agent/benches/b2", json=registration).status_code == 403
    beat = as_("agent").post(f"/v1/agent/jobs/{own}/heartbeat", json={"epoch": 1})
    assert beat.status_code == 403


def test_bits_are_taken_by_whom_they_were_given_to(as_, agent, url, secrets, harvest):
    agent.register("b1", origin=Origin.SIMULATED, station_digest="x", roles=[])
    as_("operator").post("/v1/jobs", json={"bench": "b1", "procedure": "look", "priority": 9})
    job = agent.claim("b1")
    agent.start(job.id, job.epoch, {})
    agent.segment(job.id, job.epoch, harvest())
    agent.finish(job.id, job.epoch, "succeeded")
    drawn = as_("submitter").post("/v1/draws", json=DRAW).json()
    assert drawn["owner"] == "submitter-1"
    for who in ("other", "viewer", "agent"):
        for what in ("bits", "replay"):
            assert as_(who).get(f"/v1/draws/{drawn['id']}/{what}").status_code == 403
    with Client(url, key=secrets["submitter"]) as lab:
        assert lab.take(drawn["id"]).count == 64
    assert as_("other").get(f"/v1/draws/{drawn['id']}/replay").status_code == 403
    assert as_("operator").get(f"/v1/draws/{drawn['id']}/replay").status_code == 200


def test_an_admin_makes_and_revokes_keys_with_the_client(url, secrets):
    with Client(url, key=secrets["admin"]) as lab:
        key, secret = lab.add_key("new", "viewer", benches=["b1"], expires_seconds=60, note="n")
        assert (key.owner, key.role, key.benches, key.note) == ("new", "viewer", ["b1"], "n")
        assert key.id in [each.id for each in lab.api_keys()]
        with Client(url, key=secret) as guest:
            assert guest.benches() is not None
            with pytest.raises(NotAllowed, match="needs the key of an admin, and that of new is for a viewer"):
                guest.api_keys()
            assert lab.revoke_key(key.id).revoked_at is not None
            with pytest.raises(KeyRefused, match="revoked"):
                guest.benches()
    with Client(url) as nobody, pytest.raises(KeyRefused, match="LABCTL_KEY"):
        nobody.jobs()


def test_the_client_finds_its_key_in_the_environment(url, secrets, monkeypatch):
    monkeypatch.setenv("LABCTL_KEY", secrets["viewer"] + "\n")
    with Client(url) as lab:
        lab.jobs()


def test_no_secret_is_in_what_settings_say_of_themselves(tmp_path):
    assert "hush" not in repr(Settings(tmp_path, own_agents_key="hush"))


def test_at_this_machine_no_key_is_needed_but_a_wrong_one_is_refused(serve):
    here = serve()
    assert httpx.get(f"{here}/v1/keys", trust_env=False).status_code == 200
    wrong = httpx.get(f"{here}/v1/keys", headers={"Authorization": "Bearer x"}, trust_env=False)
    assert wrong.status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])  # noqa: S104 - refused, that is the test
def test_nothing_is_open_to_others_without_keys(host):
    with pytest.raises(ServiceError, match="--require-keys"):
        listen(host, 0)
