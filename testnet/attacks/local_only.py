"""Faults that are shown on purpose belong on a network whose every validator is this person's own. Everything here refuses; nothing helps."""

import ipaddress
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.genesis_file import load_genesis
from mesh_core.validator.config import ValidatorConfig, load_config
from mesh_core.validator.identity import load_identity
from mesh_core.wallet.network import load_network
from testnet.layout import NetworkFolder


def require_local_testnet(config_path: Path) -> None:
    """LocalFault (LABORATORY) unless this configuration belongs to a network that was made in this home and stays on this machine.

    Whoever holds the keys of every validator can hurt nobody else with a fault. A validator of a network with other people's holds its own key alone, so it is
    refused whatever else its files say. Other LocalFaults where the files cannot be read.
    """
    folder = NetworkFolder(config_path.resolve().parent.parent)
    config = load_config(config_path)
    if not folder.exists or config.genesis.resolve() != folder.genesis_file.resolve():
        raise refusal(f"{config_path} belongs to no network that a testnet has made in {folder.home}")
    _require_loopback(config, folder)
    _require_all_keys(folder)


def refusal(why: str) -> LocalFault:
    """What a fault says that is not let loose."""
    return LocalFault(ErrorCode.LABORATORY, f"faults are for a local testnet alone: {why}")


def _require_loopback(config: ValidatorConfig, folder: NetworkFolder) -> None:
    hosts = [config.listen_host, *(peer.host for peer in config.peers), *(peer.host for peer in load_network(folder.network_file).validators)]
    for host in hosts:
        if not ipaddress.ip_address(host).is_loopback:
            raise refusal(f"{host} is not this machine")


def _require_all_keys(folder: NetworkFolder) -> None:
    """The secret key of every member of the committee lies in this home."""
    committee = load_genesis(folder.genesis_file).committee
    for index, public_key in enumerate(committee.validators):
        validator = folder.validator(index)
        try:
            identity = load_identity(validator.identity_key, validator.data_dir)
        except LocalFault as fault:
            raise refusal(f"the key of V{index + 1} is not here ({fault.text})") from fault
        if identity.public_key != public_key:
            raise refusal(f"the key in {validator.identity_key} is not that of V{index + 1}")
