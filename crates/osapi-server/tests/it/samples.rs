//! What a host might answer, one sample per operation, so that answers can be held against the document.

use osapi_core::OperationKind;
use serde_json::{Value, json};

/// A sample of what an operation gives.
pub(crate) fn outcome(kind: OperationKind) -> Value {
    use OperationKind as Kind;
    match kind {
        Kind::SystemHostnameGet => json!({"hostname": "web-01", "labels": {"group": "web"}}),
        Kind::SystemHostnameUpdate => json!({"hostname": "web-02", "previous": "web-01", "change": "updated"}),
        Kind::SystemStatusGet => json!({
            "hostname": "web-01", "uptime": uptime(), "load_average": load(), "memory": memory(), "disks": disks(),
            "os_info": os(),
        }),
        Kind::SystemUptimeGet => uptime(),
        Kind::SystemOsGet => os(),
        Kind::SystemDiskGet => json!({"disks": disks()}),
        Kind::SystemMemoryGet => memory(),
        Kind::SystemLoadGet => load(),
        Kind::SystemRebootExecute | Kind::SystemShutdownExecute => {
            json!({"scheduled_at": "2026-01-01T00:00:00Z", "change": "created"})
        }
        Kind::SystemServiceGet => json!({
            "name": "sshd.service", "display_name": "OpenSSH", "active_state": "active", "sub_state": "running",
            "load_state": "loaded", "enabled_state": "enabled", "main_pid": 1, "healthy": true,
        }),
        Kind::NetworkDnsGet => dns(),
        Kind::NetworkDnsUpdate => json!({"settings": dns(), "previous": dns(), "change": "unchanged"}),
        Kind::NetworkPingDo => json!({
            "address": "192.0.2.1", "packets_sent": 3, "packets_received": 3, "packet_loss": 0.0, "min_rtt_ms": 1.0,
            "avg_rtt_ms": 1.5, "max_rtt_ms": 2.0,
        }),
        Kind::PackageListGet => json!({
            "packages": [{"name": "bash", "version": "5.2-1", "architecture": "amd64", "status": "installed",
                "description": "GNU Bourne Again SHell"}],
            "total": 1, "package_manager": "apt",
        }),
    }
}

fn disks() -> Value {
    json!([{
        "mount_point": "/", "device": "/dev/vda1", "file_system": "ext4", "total": 1000, "used": 400, "free": 500,
        "inodes_total": 100, "inodes_free": 50,
    }])
}

fn memory() -> Value {
    json!({
        "total": 1000, "available": 700, "used": 300, "free": 100, "cached": 600,
        "swap": {"total": 0, "used": 0, "free": 0},
    })
}

fn load() -> Value {
    json!({"1min": 0.1, "5min": 0.2, "15min": 0.3, "cpu_count": 2})
}

fn uptime() -> Value {
    json!({"uptime_seconds": 60, "uptime": "1 minute", "booted_at": "2026-01-01T00:00:00Z"})
}

fn os() -> Value {
    json!({
        "distribution": "debian", "version": "12", "name": "Debian GNU/Linux 12", "like": [], "kernel": "6.1.0",
        "architecture": "x86_64", "package_manager": "apt", "init_system": "systemd",
        "boot_id": "11111111-2222-3333-4444-555555555555",
    })
}

fn dns() -> Value {
    json!({
        "interface": "eth0", "servers": ["192.0.2.1"], "search_domains": ["example.com"],
        "mechanism": "systemd_resolved",
    })
}

#[test]
fn every_sample_is_what_its_operation_gives() {
    for kind in OperationKind::ALL {
        kind.read_outcome(outcome(*kind)).unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}
