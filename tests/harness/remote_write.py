"""Remote write requests made by other people's code: Google's protobuf and the snappy of cramjam."""

import functools
import pathlib
import subprocess
import tempfile
from typing import Any, Iterable, Mapping

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "murmuration-tests",
}


@functools.cache
def messages() -> dict[str, Any]:
    """The message classes of remote_write.proto by full name, made from what protoc says of it."""
    here = pathlib.Path(__file__).parent
    with tempfile.NamedTemporaryFile(suffix=".pb") as output:
        command = ["protoc", f"--proto_path={here}", f"--descriptor_set_out={output.name}", "remote_write.proto"]
        subprocess.run(command, check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(output.name).read_bytes())
    return message_factory.GetMessages(files.file, pool=descriptor_pool.DescriptorPool())


def write_request(
    series: Iterable[tuple[Mapping[str, str], Iterable[tuple[int, float]]]], metadata: Iterable[Mapping[str, Any]] = ()
) -> Any:
    """A WriteRequest of (labels, [(timestamp in ms, value)]) pairs; labels are sorted by name as the protocol asks."""
    request = messages()["prometheus.WriteRequest"]()
    for labels, samples in series:
        entry = request.timeseries.add()
        for name in sorted(labels):
            entry.labels.add(name=name, value=labels[name])
        for timestamp, value in samples:
            entry.samples.add(timestamp=timestamp, value=value)
    for item in metadata:
        request.metadata.add(**item)
    return request


def compressed(request: Any) -> bytes:
    """The request in snappy's block format."""
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))
