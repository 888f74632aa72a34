"""The workspace that is emulated: its names, its hosts, and who may sign in."""

from __future__ import annotations

TENANT = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
RESOURCE_GROUP = "emulated"
WORKSPACE = "workspace"
WORKSPACE_ID = "33333333-3333-4333-8333-333333333333"
REGION = "westeurope"

LOGIN_HOST = "login.microsoftonline.com"
ARM_HOST = "management.azure.com"
API_HOST = f"{REGION}.api.azureml.ms"
STUDIO_HOST = "ml.azure.com"
ACCOUNT = "emulatedaccount"
BLOB_HOST = f"{ACCOUNT}.blob.core.windows.net"
SCORING_DOMAIN = f"{REGION}.inference.ml.azure.com"
"""Each endpoint has a host in it."""
HOSTS = (LOGIN_HOST, ARM_HOST, STUDIO_HOST, API_HOST, BLOB_HOST)
LOOPBACK = "127.0.0.1"

CLIENT_ID = "44444444-4444-4444-8444-444444444444"
CLIENT_SECRET = "emulated-secret"  # noqa: S105 - it opens nothing but the emulator
GUEST_ID = "66666666-6666-4666-8666-666666666666"
"""Signs in with the same secret, and has no role anywhere."""
MANAGED_ID = "77777777-7777-4777-8777-777777777777"
"""The managed identity of the machine; it may do what the client may."""
IDENTITY_HEADER = "emulated-identity"
IDENTITY_PATH = "/msi/token"
AML_AUDIENCE = "https://ml.azure.com"
STORAGE_AUDIENCE = "https://storage.azure.com"
CONTAINER = f"azureml-blobstore-{WORKSPACE_ID}"
"""Of the default datastore; the first part of a blob's path."""

SCOPE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
)
TRACKING_URI = f"azureml://{API_HOST}/mlflow/v2.0{SCOPE}"


def is_emulated(host: str) -> bool:
    """Whether the emulator answers for a host."""
    return host in HOSTS or host.endswith(f".{SCORING_DOMAIN}")


def config() -> dict[str, str]:
    """Return the workspace's config.json."""
    return {
        "subscription_id": SUBSCRIPTION,
        "resource_group": RESOURCE_GROUP,
        "workspace_name": WORKSPACE,
    }
