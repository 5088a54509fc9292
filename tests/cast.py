"""The cast, the same in every test.

Ada creates tokens with an API key of the default environment, which is called dev.
Ben has a link: a public access token for one token, and no key.
Cleo belongs to another environment, prod, and may see nothing of Ada's.
"""

ADAS_KEY = "tr_dev_sk_AdaAdaAdaAdaAdaAdaAda123"
CLEOS_KEY = "tr_prod_sk_CleoCleoCleoCleoCleo1234"
NOBODYS_KEY = "tr_dev_sk_NobodyHasThisKeyAtAll000"


def headers_of(key: str) -> dict[str, str]:
    """How the owner of a key, or of a public access token, says who is asking."""
    return {"Authorization": f"Bearer {key}"}
