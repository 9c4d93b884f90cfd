"""Give MLflow's administrator a new password, and make the roles and users of a group. Run once.

Set MLFLOW_TRACKING_URI, the passwords in the variables below, and with a certificate that is not publicly known
REQUESTS_CA_BUNDLE.
"""

from __future__ import annotations

import os
from typing import Any

import requests

#: Roles: on which kinds of things they have which permission. USE of the workspace allows to make new ones.
ROLES = {
    "writers": {"workspace": "USE", "experiment": "EDIT", "registered_model": "EDIT"},
    "readers": {"experiment": "READ", "registered_model": "READ"},
}

#: Users with their role.
USERS = {"lab": "writers", "reader": "readers"}


def main() -> None:
    """Make what does not exist yet."""
    first, new = os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"], os.environ["ADMIN_PASSWORD"]
    change = {"username": "admin", "password": new, "current_password": first}
    call("PATCH", "2.0/mlflow/users/update-password", first, **change)
    ids = {}
    for role, permissions in ROLES.items():
        made = call("POST", "3.0/mlflow/roles/create", new, workspace="default", name=role)
        ids[role] = made["role"]["id"]
        for kind, permission in permissions.items():
            grant = {"resource_type": kind, "resource_pattern": "*", "permission": permission}
            call("POST", "3.0/mlflow/roles/permissions/add", new, role_id=ids[role], **grant)
    for user, role in USERS.items():
        password = os.environ[f"{user.upper()}_PASSWORD"]
        call("POST", "2.0/mlflow/users/create", new, username=user, password=password)
        call("POST", "3.0/mlflow/roles/assign", new, username=user, role_id=ids[role])
        print(f"{user} belongs to the {role}")


def call(method: str, path: str, admin: str, /, **body: Any) -> Any:
    """Ask MLflow's server as its administrator."""
    address = f"{os.environ['MLFLOW_TRACKING_URI']}/api/{path}"
    answer = requests.request(method, address, json=body, auth=("admin", admin), timeout=60)
    answer.raise_for_status()
    return answer.json()


if __name__ == "__main__":
    main()
