"""The official SDK as the tests' client.

    python client.py COMMAND        COMMAND is one JSON object, {"do": ..., ...}; prints one JSON value

INDEXER_URL names the indexer, APP_SEED is the seed of the app's key in hexadecimal. The SDK takes plain HTTP on loopback.
"""

import asyncio
import hashlib
import json
import os
import sys

from sia_storage import (
    AppKey,
    AppMetadata,
    Builder,
    DownloadOptions,
    ObjectsCursor,
    PackedUploadOptions,
    PinnedObject,
    UploadOptions,
)

APP = AppMetadata(
    id=b"\x01" * 32,
    name="interop",
    description="slabmend's interoperability tests",
    service_url="https://example.org",
    logo_url=None,
    callback_url=None,
)
METADATA = '{"name":"interop ü"}'.encode()
EVENTS_A_PAGE = 2
POLL_EVERY_SECONDS = 0.2


async def connect():
    sdk = await Builder(os.environ["INDEXER_URL"], APP).connected(AppKey(bytes.fromhex(os.environ["APP_SEED"])))
    if sdk is None:
        raise RuntimeError("the indexer does not know this app's key")
    return sdk


def code(command):
    return {"data_shards": command["dataShards"], "parity_shards": command["parityShards"]}


async def upload(sdk, command):
    """A new object of one file; with "to", appended to that object; with "offset" too, written over a part of it."""
    obj = await sdk.object(command["to"]) if "to" in command else PinnedObject()
    options = UploadOptions(**code(command))
    if "offset" in command:
        options = UploadOptions(**code(command), start_offset=command["offset"])
    obj = await sdk.upload_path(obj, command["path"], options)
    obj.update_metadata(METADATA)
    await sdk.pin_object(obj)
    return [obj.id()]


async def pack(sdk, command):
    """Several files into as few slabs as they need, an object each."""
    packed = sdk.upload_packed(PackedUploadOptions(**code(command)))
    for path in command["paths"]:
        await packed.add_path(path)
    objects = await packed.finalize()
    for obj in objects:
        obj.update_metadata(METADATA)
        await sdk.pin_object(obj)
    return [obj.id() for obj in objects]


async def download(sdk, command):
    """Of each id: size and SHA-256 of its bytes, or the SDK's error."""
    return [await download_one(sdk, object_id) for object_id in command["ids"]]


async def download_one(sdk, object_id):
    digest, size = hashlib.sha256(), 0
    try:
        obj = await sdk.object(object_id)
        async with sdk.download(obj, DownloadOptions()) as content:
            while chunk := await content.read():
                digest.update(chunk)
                size += len(chunk)
    except Exception as error:
        return {"error": str(error) or type(error).__name__}
    return {"bytes": size, "sha256": digest.hexdigest(), "hasMetadata": obj.metadata() == METADATA}


async def events(sdk, command):
    """Every event after the cursor, by pages, with the cursor behind the last one."""
    after = command.get("after")
    cursor = None if after is None else cursor_of(after)
    found, cursor = await next_events(sdk, cursor)
    return {
        "events": [{"id": event.id, "deleted": event.deleted} for event in found],
        "cursor": None if cursor is None else {"id": cursor.id, "after": cursor.after.isoformat()},
    }


def cursor_of(after):
    from datetime import datetime

    return ObjectsCursor(id=after["id"], after=datetime.fromisoformat(after["after"]))


async def next_events(sdk, cursor):
    found = []
    while page := await sdk.object_events(cursor, EVENTS_A_PAGE):
        found += page
        cursor = ObjectsCursor(id=page[-1].id, after=page[-1].updated_at)
    return found, cursor


async def follow(sdk, command):
    """What a client that only follows the events knows of its objects when standard input ends: the hosts of their sectors."""
    known, cursor = {}, None
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while True:
        was_ended = ended.done()
        found, cursor = await next_events(sdk, cursor)
        for event in found:
            known[event.id] = hosts_of(event.object)
        if was_ended:
            return known
        await asyncio.sleep(POLL_EVERY_SECONDS)


async def locate(sdk, command):
    """The same as the indexer says now."""
    return {object_id: hosts_of(await sdk.object(object_id)) for object_id in command["ids"]}


def hosts_of(obj):
    return [[f"{sector.root} {sector.host_key}" for sector in slab.sectors] for slab in obj.slabs()]


COMMANDS = {"upload": upload, "pack": pack, "download": download, "events": events, "follow": follow, "locate": locate}


async def main():
    command = json.loads(sys.argv[1])
    print(json.dumps(await COMMANDS[command["do"]](await connect(), command)))


asyncio.run(main())
