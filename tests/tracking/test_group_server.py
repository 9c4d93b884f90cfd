"""The commands of docs/servers.md give a group a server on which strangers and readers cannot write."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import certifi
import optuna
import psycopg
import pytest
import requests
from support import ROOT, answers, document, nginx, postgresql
from support.app_server import LIMITS, listening
from support.serving import free_port, wait_for
from support.tracked_runs import Made, publish

from electrode_bench.app.scoring import create_scoring
from electrode_bench.app.security import Access
from electrode_bench.app.worker import Worker
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.current import current_runs
from electrode_bench.tuning.storage import lost_storage_is_an_error, open_storage, study_names

pytestmark = [pytest.mark.xdist_group("tracking"), postgresql.needed]

TEXT = (ROOT / "docs" / "servers.md").read_text(encoding="utf-8")
SETTINGS, ROLES, TABLES, MLFLOW, CERTIFICATE, USERS, CLIENTS = document.blocks(TEXT)

PASSWORDS = {
    "tests": "superuser-secret", "bench_owner": "owner-secret", "mlflow_server": "server-secret",
    "lab": "lab-long-secret", "reader": "reader-long-secret",
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """Where the commands are run, and with which variables."""

    folder: Path
    variables: dict[str, str]

    def run(self, block: str) -> None:
        document.run(block, folder=self.folder, variables=self.variables)

    def user(self, name: str, password: str = "") -> dict[str, str]:
        """The variables of a user of MLflow; no name is that of a stranger."""
        return {**self.variables, "MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """PostgreSQL with encrypted connections, the roles and the tables."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "docs").symlink_to(ROOT / "docs")
    made = Site(folder, {"NAME": "localhost"})
    made.run(CERTIFICATE)
    both = folder / "both.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    passwords = folder / "pgpass"
    passwords.write_text("".join(f"*:*:*:{role}:{password}\n" for role, password in PASSWORDS.items()))
    passwords.chmod(0o600)
    encrypted = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(folder / "cert.pem"), "PGPASSFILE": str(passwords)}
    with (
        document.environment({**encrypted, "PGHOST": "localhost", "PGHOSTADDR": "127.0.0.1"}),
        postgresql.server(password=PASSWORDS["tests"], certificate=both) as address,
    ):
        made.variables.update(
            encrypted, PGHOST="localhost", PGHOSTADDR="127.0.0.1", PGPORT=address.rpartition(":")[2], PGUSER="tests",
            ADMIN_PASSWORD="admin-long-secret", MLFLOW_AUTH_ADMIN_PASSWORD="first-long-secret",
            OWNER_PASSWORD=PASSWORDS["bench_owner"], SERVER_PASSWORD=PASSWORDS["mlflow_server"],
            LAB_PASSWORD=PASSWORDS["lab"], READER_PASSWORD=PASSWORDS["reader"],
        )  # fmt: skip
        made.run(ROLES)
        made.run(TABLES)
        yield made
        postgresql.close_connections()


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    yield
    postgresql.close_connections()


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Site]:
    """MLflow with users behind nginx, and its files in S3."""
    from moto.server import ThreadedMotoServer

    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, files = store.get_host_and_port()
    requests.put(f"http://{host}:{files}/mlflow", timeout=60).raise_for_status()
    port, encrypted, model = free_port(), free_port(), free_port()
    certificate = str(site.folder / "cert.pem")
    site.variables.update(
        MLFLOW_TRACKING_URI=f"https://localhost:{encrypted}", MLFLOW_TRACKING_SERVER_CERT_PATH=certificate,
        REQUESTS_CA_BUNDLE=certificate, MLFLOW_S3_ENDPOINT_URL=f"http://{host}:{files}", AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret", BUCKET="s3://mlflow", PORT=str(port), WORKERS="1", MODEL=str(model),
    )  # fmt: skip
    text = (ROOT / "docs" / "servers" / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{encrypted} ssl"), ("mlflow.example.org", "localhost"),
        ("/etc/electrode-bench", str(site.folder)), ("127.0.0.1:5000", f"127.0.0.1:{port}"),
        ("127.0.0.1:5002", f"127.0.0.1:{model}"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    log = site.folder / "mlflow.log"
    with log.open("w") as out, nginx.serving(text, folder=site.folder, port=encrypted):
        process = subprocess.Popen(
            ["bash", "-euc", MLFLOW], stdout=out, stderr=out, cwd=site.folder, start_new_session=True,
            env={**os.environ, **site.variables},
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, log)
            site.run(USERS)
            yield site
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            store.stop()


# --- PostgreSQL ---


@contextmanager
def connected(site: Site, role: str, database: str) -> Iterator[psycopg.Connection]:
    with document.environment(site.variables), psycopg.connect(f"postgresql://{role}@/{database}") as connection:
        yield connection


@pytest.mark.parametrize(
    ("role", "database", "statement"),
    [
        ("reader", "mlflow", "INSERT INTO experiments (name) VALUES ('x')"),
        ("reader", "mlflow", "DELETE FROM experiments"),
        ("reader", "studies", "UPDATE studies SET study_name = 'x'"),
        ("reader", "studies", "CREATE TABLE own (i int)"),
        ("lab", "studies", "DROP TABLE studies"),
        ("lab", "studies", "ALTER TABLE studies ADD COLUMN own int"),
        ("lab", "studies", "CREATE TABLE own (i int)"),
        ("mlflow_server", "mlflow", "DROP TABLE runs"),
    ],
)
def test_a_role_may_do_no_more_than_it_needs(site: Site, role: str, database: str, statement: str) -> None:
    with (
        connected(site, role, database) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"permission|owner"),
    ):
        connection.execute(statement)


@pytest.mark.parametrize(
    ("role", "database"),
    [("reader", "mlflow_users"), ("lab", "mlflow"), ("lab", "mlflow_users"), ("mlflow_server", "studies")],
)
def test_a_role_may_not_enter_other_databases(site: Site, role: str, database: str) -> None:
    with (
        pytest.raises(psycopg.OperationalError, match="permission denied for database"),
        connected(site, role, database),
    ):
        pass


@pytest.mark.parametrize("changed", [{"PGPASSFILE": "/dev/null"}, {"PGSSLMODE": "disable"}])
def test_strangers_and_open_connections_are_refused(site: Site, changed: dict[str, str]) -> None:
    variables = replace(site, variables={**site.variables, **changed})
    with (
        pytest.raises(psycopg.OperationalError, match=r"no password|no pg_hba.conf entry"),
        connected(variables, "lab", "studies"),
    ):
        pass


def test_studies_are_written_by_the_lab_and_read_by_readers(site: Site) -> None:
    with document.environment(site.variables):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(study_name="a", storage=open_storage("postgresql://lab@/studies"))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
        reading = "postgresql://reader@/studies"
        assert study_names(reading) == ["a"]
        said = r"postgresql://reader@/studies cannot be used: permission denied for \w+ studies\w*; use a role that has"
        with pytest.raises(UserError, match=said), lost_storage_is_an_error(reading):
            optuna.create_study(study_name="b", storage=open_storage(reading))


def test_the_commands_name_what_is_refused_in_one_line(
    site: Site, project: Project, made: dict[str, Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(project.root))
    with document.environment(site.variables):
        with pytest.raises(
            UserError, match=r"permission denied for \w+ experiments\w*; use a role that has this right"
        ):
            publish(project, made["control stratified"], uri="postgresql://reader@/mlflow")
        with pytest.raises(UserError, match=r"permission denied for database .studies.; use a role"):
            document.command("sweep", "list", "--storage", "postgresql://mlflow_server@/studies")
        with pytest.raises(
            UserError, match=r"password authentication failed for user .lab.; check the password"
        ) as caught:
            document.command("sweep", "list", "--storage", "postgresql://lab:wrong-secret@/studies")
    assert "wrong-secret" not in str(caught.value)


# --- MLflow ---


@nginx.needed
def test_users_publish_and_read_according_to_their_role(
    server: Site, project: Project, made: dict[str, Made], finished: Project
) -> None:
    uri = server.variables["MLFLOW_TRACKING_URI"]
    strangers = {"": "", "lab": "wrong", "admin": server.variables["MLFLOW_AUTH_ADMIN_PASSWORD"]}
    with document.environment(server.user("lab", PASSWORDS["lab"])):
        # Without the model: each file of its code would be an upload of its own.
        record, source = made["control stratified"]
        (published,) = publish(project, (replace(record, model=None), source), uri=uri)
    with document.environment(server.user("reader", PASSWORDS["reader"])):
        assert current_runs(project, uri=uri)["run_id"].tolist() == [published.run_id]
        with pytest.raises(UserError, match="the server does not allow this user to do it; ask its administrator"):
            publish(project, made["rf_magpie stratified"], uri=uri)
        with pytest.raises(UserError, match="the server does not allow this user to do it"):
            document.command("--project", str(finished.root), "publish")
    for name, password in strangers.items():
        with (
            document.environment(server.user(name, password)),
            pytest.raises(UserError, match="the server refuses access; set MLFLOW_TRACKING_USERNAME and") as caught,
        ):
            publish(project, made["control stratified"], uri=uri)
        assert "\n" not in str(caught.value)


@nginx.needed
def test_strangers_and_readers_change_nothing_over_http(server: Site) -> None:
    api = f"{server.variables['MLFLOW_TRACKING_URI']}/api/2.0"
    trust = server.variables["REQUESTS_CA_BUNDLE"]
    asked = [
        ("POST", "mlflow/experiments/create", {"name": "theirs"}),
        ("POST", "mlflow/runs/create", {"experiment_id": "0"}),
        ("POST", "mlflow/experiments/delete", {"experiment_id": "0"}),
        ("POST", "mlflow/registered-models/create", {"name": "electrodes"}),
        ("PUT", "mlflow-artifacts/artifacts/workspaces/default/0/x.txt", {"any": "thing"}),
        ("POST", "mlflow/users/create", {"username": "theirs", "password": "a-long-secret"}),
        ("PATCH", "mlflow/users/update-admin", {"username": "reader", "is_admin": True}),
    ]
    for method, path, body in asked:
        for user, status in ((None, 401), (("reader", PASSWORDS["reader"]), 403)):
            answer = requests.request(method, f"{api}/{path}", json=body, auth=user, verify=trust, timeout=60)
            assert answer.status_code == status, (path, user, answer.text)


@nginx.needed
def test_other_names_and_unknown_certificates_are_refused(
    server: Site, project: Project, made: dict[str, Made]
) -> None:
    uri, trust = server.variables["MLFLOW_TRACKING_URI"], server.variables["REQUESTS_CA_BUNDLE"]
    answer = requests.get(uri, headers={"Host": "evil.example"}, verify=trust, timeout=60)
    assert answer.status_code == 403
    public = dict.fromkeys(("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE"), certifi.where())
    with (
        document.environment({**server.user("lab", PASSWORDS["lab"]), **public}),
        pytest.raises(UserError, match="certificate is not trusted; name it in MLFLOW_TRACKING_SERVER_CERT_PATH"),
    ):
        publish(project, made["control stratified"], uri=uri)


@nginx.needed
def test_the_model_behind_nginx_asks_for_its_token(server: Site) -> None:
    worker: Worker[answers.Answer] = Worker(answers.start, seconds=60, waiting=0)
    address = f"{server.variables['MLFLOW_TRACKING_URI']}/invocations"
    ask = {"data": b"LiFePO4", "verify": server.variables["REQUESTS_CA_BUNDLE"], "timeout": 60}
    app = create_scoring(worker, Access("a-long-secret", hosts=None), LIMITS)
    with listening(app, LIMITS, port=int(server.variables["MODEL"])):
        assert requests.post(address, **ask).status_code == 401
        assert requests.post(address, headers={"Authorization": "Bearer a-long-secret"}, **ask).status_code == 200


@nginx.needed
def test_the_commands_for_clients_work(server: Site, finished: Project) -> None:
    client = replace(server, variables={**server.variables, "ELECTRODE_BENCH_PROJECT": str(finished.root)})
    client.run(CLIENTS.replace("electrode-bench publish\n", ""))
    assert client.variables["MLFLOW_TRACKING_USERNAME"] == "lab"
