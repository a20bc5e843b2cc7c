"""What `findmnt -J` prints: file systems with the options that rules read, never other ones, which may be passwords."""

from __future__ import annotations

import re
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content, Place, text
from auditor.sources.guest.json_text import misspelled, parsed
from auditor.sources.guest.sections import is_misspelled

KEY: Final = "filesystems"
_DEEPEST: Final = 40
_MOST: Final = 4096
_DEVICE: Final = re.compile(r"/dev/[\w./-]{1,256}")
_TYPES: Final = re.compile(
    r"""9p|afs|autofs|bcachefs|binder|binfmt_misc|bpf|btrfs|ceph|cgroup2?|cifs|configfs|debugfs|devpts|devtmpfs|ecryptfs
    |efivarfs|erofs|exfat|ext[234]|f2fs|fuse(?:blk|ctl|\.[\w.-]{1,32})?|gfs2|glusterfs|hfsplus|hugetlbfs|iso9660|jfs
    |lustre|minix|mqueue|msdos|nfs[4d]?|nilfs2|nsfs|ntfs3?|ocfs2|overlay|proc|pstore|ramfs|reiserfs|resctrl|rootfs
    |rpc_pipefs|securityfs|selinuxfs|smb3|squashfs|sysfs|tmpfs|tracefs|ubifs|udf|vfat|virtiofs|xfs|zfs""",
    re.VERBOSE,
)
"""The types of file systems of Linux."""
_KEYS: Final = ("target", "source", "fstype", "options", "children")
OPTIONS: Final = frozenset(
    {
        "atime",
        "barrier=0",
        "barrier=1",
        "data=journal",
        "data=ordered",
        "data=writeback",
        "noatime",
        "nobarrier",
        "nodiratime",
        "relatime",
        "ro",
        "rw",
        "strictatime",
    }
)

HIDDEN: Final = "?"
"""Stands for an option that may be damaged, in a file that the script of `auditor guest script` wrote."""
_ACCESS: Final = frozenset({"ro", "rw"})
"""Options of which each file system has one."""


def parse(whole: str) -> Content:
    """Return the file systems as one list."""
    builder = Builder(GuestKind.MOUNTS)
    found = parsed(whole)
    mounts = found.get(KEY) if isinstance(found, dict) else None
    if not isinstance(mounts, list):
        builder.miss("mounts", "the file is not the JSON of findmnt; it may be cut")
        return builder.content()
    items: list[dict[str, Any]] = []
    _walk(builder, mounts, items, 0)
    builder.properties["mounts"] = items
    return builder.content()


def _walk(builder: Builder, mounts: list[Any], items: list[dict[str, Any]], level: int) -> None:
    for mount in mounts:
        target = mount.get("target") if isinstance(mount, dict) else None
        if not isinstance(target, str) or not target.startswith("/") or level > _DEEPEST or len(items) >= _MOST:
            builder.miss("mounts[*]", "a file system is malformed")
            continue
        if wrong := misspelled(mount, _KEYS):
            builder.miss("mounts[*]", f"{target} has the key {wrong}, which is misspelled")
        path = f"mounts[{len(items)}]"
        item: dict[str, Any] = {}
        Place(builder, path, item).put("target", target, text)
        source, kind, options = (mount.get(own) for own in ("source", "fstype", "options"))
        if isinstance(source, str) and _DEVICE.fullmatch(source.partition("[")[0]):
            item["source"] = source.partition("[")[0]
        if isinstance(kind, str) and _TYPES.fullmatch(kind):
            item["type"] = kind
        else:
            builder.miss(f"{path}.type", "its value is no type of file system that is known")
        if isinstance(options, str):
            found = options.split(",")
            if _ACCESS.isdisjoint(found) or any(_is_damaged(option) for option in found):
                builder.miss(f"{path}.options", "an option is misspelled, or two options were joined")
            else:
                item["options"] = [option for option in found if option in OPTIONS]
        else:
            builder.miss(f"{path}.options", "its value is no text")
        items.append(item)
        children = mount.get("children", [])
        if isinstance(children, list):
            _walk(builder, children, items, level + 1)
        else:
            builder.miss("mounts[*]", f"the file systems below {target} are malformed")


def _is_damaged(option: str) -> bool:
    """Return whether an option that is not known may be a known one, with a character or another option too much."""
    longer = (known for known in OPTIONS if len(known) > max(map(len, _ACCESS)))
    return option not in OPTIONS and (
        option == HIDDEN
        or any(is_misspelled(option, known) for known in OPTIONS)
        or any(known in option for known in longer)
    )
