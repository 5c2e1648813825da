"""One message of Protocol Buffers, as ONNX stores its metadata."""

from __future__ import annotations


def entry(number: int, key: str, value: str) -> bytes:
    """The field `number` with an entry of a map in it: `key` as field 1, `value` as field 2, both UTF-8."""
    return _field(number, _field(1, key.encode()) + _field(2, value.encode()))


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    """A base-128 number: seven bits a byte, the lowest first, the high bit on all but the last."""
    head = bytearray()
    while value > 0x7F:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])
