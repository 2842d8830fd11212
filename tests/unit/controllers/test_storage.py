"""Volumes and claims on the real registry: binding, waiting, protection, release."""

import pytest

from raglab.pocket.control.volumes import choose
from tests.unit.controllers.cluster import running
from tests.unit.controllers.objects import claim, pod, volume

EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner 'k8s.io/elsewhere' or manually by the "
    "system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)


def phases(cluster, **wanted):
    """Wait until claims and volumes have these phases (None: gone)."""

    async def check():
        for name, phase in wanted.items():
            kind = "persistentvolumes" if name.startswith("pv") else "persistentvolumeclaims"
            found = await cluster.get(kind, name, "" if name.startswith("pv") else "default")
            if (found and found["status"].get("phase")) != phase:
                return False
        return True

    return cluster.until(check)


async def test_claim_binds_to_the_smallest_volume_that_suits(cluster):
    for name, size in (("pv1", "50Gi"), ("pv2", "5Gi"), ("pv3", "1Gi")):
        await cluster.create("persistentvolumes", volume(name, size))
    await phases(cluster, pv1="Available", pv2="Available", pv3="Available")
    await cluster.create("persistentvolumeclaims", claim(size="2Gi"))
    await phases(cluster, data="Bound", pv2="Bound", pv1="Available")
    found, bound = (
        await cluster.get("persistentvolumeclaims", "data"),
        await cluster.get("persistentvolumes", "pv2", ""),
    )
    assert found["spec"]["volumeName"] == "pv2"
    assert found["status"] == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "5Gi"},
    }
    assert found["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
    }  # fmt: skip
    assert bound["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert bound["spec"]["claimRef"]["uid"] == found["metadata"]["uid"]
    assert found["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


async def test_claims_of_the_same_moment_get_volumes_of_their_own(cluster):
    for index in range(5):
        await cluster.create("persistentvolumes", volume(f"pv{index}"))
    for index in range(5):
        await cluster.create("persistentvolumeclaims", claim(f"data{index}"))
    await phases(cluster, **{f"data{index}": "Bound" for index in range(5)})
    claims = await cluster.list("persistentvolumeclaims")
    assert len({item["spec"]["volumeName"] for item in claims}) == 5


async def test_claim_waits_with_the_recorded_warning_and_binds_when_a_volume_comes(cluster):
    await cluster.create("persistentvolumeclaims", claim())
    warning = ("ProvisioningFailed", 'storageclass.storage.k8s.io "manual" not found')

    async def told():
        return await cluster.events("data") == [warning]

    await cluster.until(told)
    await cluster.create("persistentvolumes", volume())
    await phases(cluster, data="Bound", pv="Bound")


async def test_unknown_provisioner_is_asked_and_waited_for(cluster):
    metadata = {"name": "elsewhere"}
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata}
    await cluster.create("storageclasses", kind | {"provisioner": "k8s.io/elsewhere"})
    await cluster.create("persistentvolumeclaims", claim(storage_class="elsewhere"))

    async def told():
        return await cluster.events("data") == [("ExternalProvisioning", EXTERNAL)]

    await cluster.until(told)
    annotations = (await cluster.get("persistentvolumeclaims", "data"))["metadata"]["annotations"]
    assert annotations["volume.kubernetes.io/storage-provisioner"] == "k8s.io/elsewhere"


async def test_default_class_provides_a_folder_and_takes_it_away_again(cluster):
    wanted = claim()
    del wanted["spec"]["storageClassName"]
    await cluster.create("persistentvolumeclaims", wanted)
    await phases(cluster, data="Bound")
    found = await cluster.get("persistentvolumeclaims", "data")
    name = found["spec"]["volumeName"]
    assert name == f"pvc-{found['metadata']['uid']}"
    path = (await cluster.get("persistentvolumes", name, ""))["spec"]["hostPath"]["path"]
    assert path == "/tmp/hostpath-provisioner/default/data"
    await cluster.client.delete("persistentvolumeclaims", "data", "default")
    await phases(cluster, data=None)

    async def withdrawn():
        return await cluster.get("persistentvolumes", name, "") is None and cluster.erased == [path]

    await cluster.until(withdrawn)


async def test_without_a_provisioner_the_default_class_is_waited_for(tmp_path, schemas):
    async with running(tmp_path, schemas, erase=None) as cluster:
        wanted = claim()
        del wanted["spec"]["storageClassName"]
        await cluster.create("persistentvolumeclaims", wanted)
        text = EXTERNAL.replace("k8s.io/elsewhere", "k8s.io/minikube-hostpath")

        async def told():
            return await cluster.events("data") == [("ExternalProvisioning", text)]

        await cluster.until(told)
        await phases(cluster, data="Pending")
        assert await cluster.list("persistentvolumes", "") == []


async def test_claim_without_class_gets_the_default_one_when_there_is_one(cluster):
    kind = await cluster.get("storageclasses", "standard", "")
    await cluster.client.delete("storageclasses", "standard")
    wanted = claim()
    del wanted["spec"]["storageClassName"]
    await cluster.create("persistentvolumeclaims", wanted)
    text = "no persistent volumes available for this claim and no storage class is set"

    async def told():
        return await cluster.events("data") == [("FailedBinding", text)]

    await cluster.until(told)
    metadata = {"name": "standard", "annotations": kind["metadata"]["annotations"]}
    await cluster.create("storageclasses", kind | {"metadata": metadata})
    await phases(cluster, data="Bound")


async def test_used_claim_stays_until_its_pod_is_gone_and_its_volume_is_released(cluster):
    await cluster.create("persistentvolumes", volume())
    await cluster.create("persistentvolumeclaims", claim())
    await phases(cluster, data="Bound")
    source = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    await cluster.create("pods", pod("user", volumes=source))

    async def runs():
        return (await cluster.get("pods", "user"))["status"].get("podIP")

    await cluster.until(runs)
    await cluster.client.delete("persistentvolumeclaims", "data", "default")
    assert "deletionTimestamp" in (await cluster.get("persistentvolumeclaims", "data"))["metadata"]
    await cluster.client.delete("pods", "user", "default")
    await phases(cluster, data=None, pv="Released")
    await cluster.create("persistentvolumeclaims", claim())
    await phases(cluster, data="Pending", pv="Released")
    patch = [{"op": "remove", "path": "/spec/claimRef"}]
    await cluster.client.patch("persistentvolumes", "pv", "", patch, type="json")
    await phases(cluster, data="Bound", pv="Bound")


async def test_bound_volume_stays_until_its_claim_is_gone(cluster):
    await cluster.create("persistentvolumes", volume())
    await cluster.create("persistentvolumeclaims", claim())
    await phases(cluster, data="Bound", pv="Bound")
    await cluster.client.delete("persistentvolumes", "pv")
    assert "deletionTimestamp" in (await cluster.get("persistentvolumes", "pv", ""))["metadata"]
    await cluster.client.delete("persistentvolumeclaims", "data", "default")
    await phases(cluster, data=None, pv=None)


async def test_claim_that_names_its_volume_gets_it_or_waits(cluster):
    await cluster.create("persistentvolumes", volume("pv1", "50Gi"))
    await cluster.create("persistentvolumes", volume("pv2", "5Gi"))
    await cluster.create("persistentvolumeclaims", claim(volumeName="pv1"))
    await phases(cluster, data="Bound", pv1="Bound", pv2="Available")
    await cluster.create("persistentvolumeclaims", claim("late", volumeName="pv1"))

    async def told():
        return ("FailedBinding", 'volume "pv1" already bound to a different claim.') in await cluster.events(
            "late"
        )

    await cluster.until(told)


@pytest.mark.parametrize(
    ("offer", "suits"),
    [
        ({}, True),
        ({"size": "4Gi"}, False),
        ({"size": "5368709120"}, True),
        ({"storage_class": "other"}, False),
        ({"accessModes": ["ReadOnlyMany"]}, False),
        ({"accessModes": ["ReadWriteOnce", "ReadWriteMany"]}, True),
        ({"volumeMode": "Block"}, False),
        ({"claimRef": {"namespace": "other", "name": "data"}}, False),
        ({"claimRef": {"namespace": "default", "name": "data"}}, True),
        ({"claimRef": {"namespace": "default", "name": "data", "uid": "somebody else"}}, False),
    ],
)
def test_what_suits_a_claim(offer, suits):
    wanted = claim(size="5Gi")
    wanted["metadata"]["uid"] = "u"
    assert (choose([volume(**offer)], wanted) is not None) is suits


def test_selector_and_reservation_come_before_size():
    wanted = claim(size="1Gi", selector={"matchLabels": {"disk": "fast"}})
    wanted["metadata"]["uid"] = "u"
    small, fast = volume("pv1", "1Gi"), volume("pv2", "9Gi", labels={"disk": "fast"})
    assert choose([small, fast], wanted) is fast
    del wanted["spec"]["selector"]
    reserved = volume("pv3", "50Gi", claimRef={"namespace": "default", "name": "data"})
    assert choose([small, fast, reserved], wanted) is reserved
