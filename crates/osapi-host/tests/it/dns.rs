//! `network.dns.*` on real hosts: systemd-resolved, networkd, NetworkManager, netplan and a plain `/etc/resolv.conf`, each in
//! a lab machine. Which server answers a name proves what is in force.

mod leased;
mod network_manager;
mod networkd;
mod plain;
mod scene;
