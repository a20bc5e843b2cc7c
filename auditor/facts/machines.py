"""Facts of virtual machines and of the disks attached to them."""

from __future__ import annotations

from types import UnionType

from auditor import arm
from auditor.facts.arithmetic import number, total
from auditor.facts.registry import fact
from auditor.model import Part, Resource
from auditor.topology import Context
from auditor.topology.graph import AVAILABILITY_SET, objects, value
from auditor.values import ABSENT, Answer, Cause, Items, Unknown

ATTACHMENTS = "properties.storageProfile.dataDisks[*]"
BYTES_PER_MEGABYTE = 1_000_000


def disk_of(context: Context, attachment: Part) -> Resource | Unknown:
    """Return the managed disk behind an attachment."""
    reference = value(attachment, "managedDisk.id").value
    if isinstance(reference, str):
        return context.topology.graph.get(reference)
    if isinstance(reference, Unknown):
        return reference
    reason = f"{attachment.resource.id}: {attachment.path} is an unmanaged disk, whose storage account is not read"
    return Unknown(Cause.VALUE, reason)


def through_disk(context: Context, attachment: Part, path: str) -> Answer:
    """Return a property of the disk behind an attachment."""
    disk = disk_of(context, attachment)
    return Answer(disk) if isinstance(disk, Unknown) else value(disk, path)


def capability(context: Context, vm: Resource, name: str) -> Answer:
    """Return a capability of the machine's size in its region, as a text."""
    size = _only(str, value(vm, "properties.hardwareProfile.vmSize"))
    if not isinstance(size.value, str):
        return size
    place = _only(str, value(vm, "location"))
    if not isinstance(place.value, str):
        return place
    subscription = arm.subscription_of(vm.id)
    found = context.topology.graph.capability("virtualMachines", size.value, vm.location, subscription, name)
    return Answer(found.value, (*size.reads, *found.reads))


def _only(kind: type | UnionType, answer: Answer) -> Answer:
    """Return a value that is of a kind; another one is malformed."""
    found = answer.value
    if found is ABSENT or isinstance(found, Unknown) or (isinstance(found, kind) and not isinstance(found, bool)):
        return answer
    reason = f"{answer.reads[0].resource}: {answer.reads[0].path} is {found!r} (malformed)"
    return Answer(Unknown(Cause.VALUE, reason), answer.reads)


@fact("vm.data_disks", "vm", gives="disk*")
def data_disks(context: Context, vm: Resource) -> Answer:
    """The managed disks attached to the machine besides its OS disk."""
    attached = objects(vm, ATTACHMENTS)
    disks = tuple(disk_of(context, part) if isinstance(part, Part) else part for part in attached.known)
    return Answer(Items(disks, attached.missing))


@fact("vm.data_disk_mbps", "vm", gives="number")
def data_disk_mbps(context: Context, vm: Resource) -> Answer:
    """What the data disks could deliver together, in MB/s: the sum of their `diskMBpsReadWrite`."""
    return sum_of_data_disks(context, vm, "properties.diskMBpsReadWrite")


def sum_of_data_disks(context: Context, vm: Resource, path: str) -> Answer:
    """Return the sum of a number of the managed disks attached to a machine besides its OS disk."""
    disks = Items.of(data_disks(context, vm).value)
    return total((value(disk, path) for disk in disks.only(Resource)), disks.open_end)


@fact("vm.uncached_mbps", "vm", gives="number")
def uncached_mbps(context: Context, vm: Resource) -> Answer:
    """What the machine's size lets through to uncached disks, in MB/s: `UncachedDiskBytesPerSecond` / 10^6.

    Azure gives some sizes in MiB and others in MB, so a comparison needs a tolerance of 5 %.
    """
    found = number(capability(context, vm, "UncachedDiskBytesPerSecond"))
    return Answer(found.value / BYTES_PER_MEGABYTE, found.reads) if isinstance(found.value, int | float) else found


@fact("vm.encryption_at_host_supported", "vm", gives="boolean")
def encryption_at_host_supported(context: Context, vm: Resource) -> Answer:
    """Whether the machine's size can encrypt at the host (the capability `EncryptionAtHostSupported`)."""
    return supports(context, vm, "EncryptionAtHostSupported")


def supports(context: Context, vm: Resource, name: str) -> Answer:
    """Return whether a machine's size has a capability of which Azure says `True` or `False`."""
    found = capability(context, vm, name)
    return Answer(found.value.lower() == "true", found.reads) if isinstance(found.value, str) else found


@fact("vm.vcpus", "vm", gives="number")
def vcpus(context: Context, vm: Resource) -> Answer:
    """How many virtual CPUs the machine has: `vCPUsAvailable` of its size (lower if constrained), else `vCPUs`."""
    available = capability(context, vm, "vCPUsAvailable")
    return number(capability(context, vm, "vCPUs") if available.value is ABSENT else available)


@fact("vm.memory_gb", "vm", gives="number")
def memory_gb(context: Context, vm: Resource) -> Answer:
    """How much memory the machine has: the capability `MemoryGB` of its size."""
    return number(capability(context, vm, "MemoryGB"))


@fact("vm.zone", "vm", gives="text")
def zone(_: Context, vm: Resource) -> Answer:
    """The availability zone of the machine; absent where it is regional."""
    return _only(str, value(vm, "zones[0]"))


@fact("vm.fault_domain", "vm", gives="number")
def fault_domain(_: Context, vm: Resource) -> Answer:
    """The fault domain that Azure put the machine in within its set, from the instance view."""
    found = value(vm, "properties.instanceView.platformFaultDomain")
    if found.value is ABSENT and value(vm, "properties.instanceView").value is ABSENT:
        reason = f"the instance view of {vm.id} was not read; it comes with $expand=instanceView"
        return Answer(Unknown(Cause.GAP, reason), found.reads)
    return _only(int | float, found)


@fact("vm.fault_domain_group", "vm", gives="text")
def fault_domain_group(context: Context, vm: Resource) -> Answer:
    """The availability set or Flexible scale set in which the machine's fault domain means something; else absent.

    A set counts where it is `Aligned`: a `Classic` one does not keep the disks of its machines apart
    (availability-set-overview).
    """
    reference = value(vm, "properties.availabilitySet.id")
    if reference.value is ABSENT:
        reference = value(vm, "properties.virtualMachineScaleSet.id")
    if not isinstance(reference.value, str):
        return reference
    found = context.topology.graph.get(reference.value)
    if isinstance(found, Unknown):
        return Answer(found, reference.reads)
    aligned = found.type == AVAILABILITY_SET
    sort = value(found, "sku.name" if aligned else "properties.orchestrationMode")
    reads = (*reference.reads, *sort.reads)
    if isinstance(sort.value, Unknown):
        return Answer(sort.value, reads)
    wanted = "aligned" if aligned else "flexible"
    return Answer(found.id if str(sort.value).lower() == wanted else ABSENT, reads)


@fact("attachment.disk_sku", "attachment", gives="text")
def attachment_sku(context: Context, attachment: Part) -> Answer:
    """The SKU of the attached disk."""
    return through_disk(context, attachment, "sku.name")


@fact("attachment.disk_size_gib", "attachment", gives="number")
def attachment_size(context: Context, attachment: Part) -> Answer:
    """The size of the attached disk in GiB."""
    return through_disk(context, attachment, "properties.diskSizeGB")


@fact("attachment.disk_iops", "attachment", gives="number")
def attachment_iops(context: Context, attachment: Part) -> Answer:
    """The operations a second that the attached disk is provisioned for."""
    return through_disk(context, attachment, "properties.diskIOPSReadWrite")


@fact("attachment.disk_mbps", "attachment", gives="number")
def attachment_mbps(context: Context, attachment: Part) -> Answer:
    """The MB/s that the attached disk is provisioned for."""
    return through_disk(context, attachment, "properties.diskMBpsReadWrite")
