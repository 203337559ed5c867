import signal
import socket
import subprocess
import sys

import pytest

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.ray_cluster import RayCluster, own_signals

ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "no-such-host.invalid:{port}"])
def test_a_cluster_that_is_not_there(free_port, address):
    with pytest.raises(EngineError, match="OPENREASON_RAY_ADDRESS"):
        RayCluster(address.format(port=free_port)).__enter__()
    assert not ray.is_initialized()


def test_a_local_cluster_lasts_while_it_is_needed():
    before = signal.getsignal(signal.SIGTERM)
    with RayCluster() as outer:
        assert outer.address == "local"
        assert signal.getsignal(signal.SIGTERM) is before
        with RayCluster(), outer:
            assert ray.get(ray.put(4)) == 4
        assert ray.is_initialized()
        ended = subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=False)
        assert ended.returncode == 3, "exit codes of our own processes are not thrown away"
        assert ray.is_initialized()
    assert not ray.is_initialized()


def test_what_a_library_does_to_our_termination_is_undone():
    before = signal.getsignal(signal.SIGTERM)
    with own_signals():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) is before
