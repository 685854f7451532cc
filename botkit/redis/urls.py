"""Where Redis is: the addresses of one server, or of some servers of a cluster."""

from urllib.parse import urlsplit

_CLUSTERS = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
#: How an address of the store may begin.
SCHEMES = ("redis", "rediss", "unix", *_CLUSTERS)


class ClusterUrl:
    """`redis+cluster://user:password@host:port,host:port`: some servers of a cluster, and how each is spoken to.

    `rediss+cluster` is the same over TLS. Raises ValueError, which does not repeat the text: it may hold a password.
    """

    def __init__(self, text: str) -> None:
        parts = urlsplit(text)
        if parts.scheme not in _CLUSTERS or parts.path not in ("", "/", "/0"):
            raise ValueError("a cluster's address is redis+cluster://host:port,host:port, with no database but 0")
        userinfo, at, hosts = parts.netloc.rpartition("@")
        self._before = f"{_CLUSTERS[parts.scheme]}://{userinfo}{at}"
        self._after = f"/0?{parts.query}" if parts.query else "/0"
        #: Where the cluster is asked first, each as `host:port`.
        self.seeds = tuple(map(_address, hosts.split(",")))

    def of(self, address: str) -> str:
        """Returns the URL of one of the cluster's servers, which is known as `host:port`."""
        return f"{self._before}{address}{self._after}"


def is_cluster(url: str) -> bool:
    """Whether a URL is that of a cluster."""
    return url.partition("://")[0] in _CLUSTERS


def join_address(host: str, port: int) -> str:
    """Returns `host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shown_address(url: str) -> str:
    """Returns where a URL leads, without the password that it may hold."""
    if is_cluster(url):
        return ",".join(ClusterUrl(url).seeds)
    parts = urlsplit(url)
    return join_address(parts.hostname, parts.port or 6379) if parts.hostname else parts.path


def _address(text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.path or port == 0:
        raise ValueError("each server of a cluster is written as host:port")
    return join_address(host, port or 6379)
