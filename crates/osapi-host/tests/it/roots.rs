//! The reading operations over recorded machines of the four families; `tests/roots/README.md` says what was recorded.

use std::path::Path;

use osapi_core::Operation;
use osapi_host::{Context, System, carry_out};
use serde_json::{Value, json};

struct Expected {
    root: &'static str,
    os: Value,
    memory: Value,
    load: Value,
    uptime: Value,
    mount_points: Value,
}

async fn status(root: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roots").join(root);
    let operation = Operation::read("system.status.get", Value::Null).unwrap();
    let outcome = carry_out(&System::rooted(root), &operation, &Context::alone()).await.unwrap();
    serde_json::to_value(outcome).unwrap()
}

async fn check(expected: Expected) {
    let mut status = status(expected.root).await;
    let os = status["os_info"].as_object_mut().unwrap();
    assert_eq!(os.remove("architecture"), Some(json!(rustix::system::uname().machine().to_str().unwrap())));
    assert_eq!(status["os_info"], expected.os, "{}", expected.root);
    assert_eq!(status["memory"], expected.memory, "{}", expected.root);
    assert_eq!(status["load_average"], expected.load, "{}", expected.root);
    assert_eq!(status["uptime"]["uptime"], expected.uptime, "{}", expected.root);
    let disks = status["disks"].as_array().unwrap();
    let points: Vec<&Value> = disks.iter().map(|disk| &disk["mount_point"]).collect();
    assert_eq!(json!(points), expected.mount_points, "{}", expected.root);
    let root = disks.iter().find(|disk| disk["mount_point"] == "/").unwrap();
    assert!(root["total"].as_u64() > Some(0) && root["error"].is_null(), "{root}");
}

#[tokio::test]
async fn debian_with_the_tools_of_others_installed() {
    check(Expected {
        root: "debian12",
        os: json!({
            "distribution": "debian", "version": "12", "name": "Debian GNU/Linux 12 (bookworm)", "like": [],
            "kernel": "6.1.0-28-amd64", "package_manager": "apt", "init_system": "systemd",
            "boot_id": "0d7c9f70-8d0e-4b3c-9f2a-3f1f4f0a9c01",
        }),
        memory: json!({
            "total": 25_276_510_208_u64, "available": 24_578_211_840_u64, "used": 698_298_368,
            "free": 22_267_506_688_u64, "cached": 2_672_451_584_u64, "swap": {"total": 0, "used": 0, "free": 0},
        }),
        load: json!({"1min": 1.86, "5min": 1.61, "15min": 1.96, "cpu_count": 2}),
        uptime: json!("53 minutes"),
        mount_points: json!(["/"]),
    })
    .await;
}

#[tokio::test]
async fn ubuntu_with_lvm_snaps_and_a_bind_mount() {
    check(Expected {
        root: "ubuntu2404",
        os: json!({
            "distribution": "ubuntu", "version": "24.04", "name": "Ubuntu 24.04.1 LTS", "like": ["debian"],
            "kernel": "6.8.0-45-generic", "package_manager": "apt", "init_system": "systemd",
            "boot_id": "5b1de2b6-7a49-4c0e-8f38-57b1f0b1a402",
        }),
        memory: json!({
            "total": 4_107_898_880_u64, "available": 3_195_392_000_u64, "used": 912_506_880, "free": 1_232_224_256,
            "cached": 1_884_409_856, "swap": {"total": 2_147_479_552_u64, "used": 0, "free": 2_147_479_552_u64},
        }),
        load: json!({"1min": 0.08, "5min": 0.03, "15min": 0.01, "cpu_count": 4}),
        uptime: json!("3 days, 4 hours, 1 minute"),
        mount_points: json!(["/", "/boot", "/boot/efi"]),
    })
    .await;
}

#[tokio::test]
async fn rocky_with_selinux_and_nfs() {
    check(Expected {
        root: "rocky9",
        os: json!({
            "distribution": "rocky", "version": "9.4", "name": "Rocky Linux 9.4 (Blue Onyx)",
            "like": ["rhel", "centos", "fedora"], "kernel": "5.14.0-427.13.1.el9_4.x86_64", "package_manager": "dnf",
            "init_system": "systemd", "boot_id": "c4d0c3c2-0f7e-4a6b-b9a4-9f5be01d7a03",
        }),
        memory: json!({
            "total": 1_887_436_800, "available": 1_454_112_768, "used": 433_324_032, "free": 931_954_688,
            "cached": 595_120_128, "swap": {"total": 859_828_224, "used": 40_628_224, "free": 819_200_000},
        }),
        load: json!({"1min": 0.0, "5min": 0.01, "15min": 0.05, "cpu_count": 2}),
        uptime: json!("1 day, 0 hours, 1 minute"),
        mount_points: json!(["/", "/boot", "/mnt/nfs share"]),
    })
    .await;
}

#[tokio::test]
async fn alpine_under_openrc() {
    check(Expected {
        root: "alpine320",
        os: json!({
            "distribution": "alpine", "version": "3.20.3", "name": "Alpine Linux v3.20", "like": [],
            "kernel": "6.6.58-0-lts", "package_manager": "apk", "init_system": "openrc",
            "boot_id": "9a6f3f3e-64c0-4f0a-8c0f-2b8e0c2b5d04",
        }),
        memory: json!({
            "total": 510_066_688, "available": 430_194_688, "used": 79_872_000, "free": 308_449_280,
            "cached": 122_093_568, "swap": {"total": 0, "used": 0, "free": 0},
        }),
        load: json!({"1min": 0.0, "5min": 0.0, "15min": 0.0, "cpu_count": 1}),
        uptime: json!("0 minutes"),
        mount_points: json!(["/", "/boot"]),
    })
    .await;
}

#[tokio::test]
async fn arch_on_btrfs() {
    check(Expected {
        root: "arch",
        os: json!({
            "distribution": "arch", "version": "", "name": "Arch Linux", "like": [], "kernel": "6.11.5-arch1-1",
            "package_manager": "pacman", "init_system": "systemd", "boot_id": "1f6a2b7e-9f5d-4d0b-8a51-61f5ac0e2e05",
        }),
        memory: json!({
            "total": 33_554_432_000_u64, "available": 21_504_000_000_u64, "used": 12_050_432_000_u64,
            "free": 9_216_000_000_u64, "cached": 13_209_600_000_u64,
            "swap": {"total": 34_359_734_272_u64, "used": 567_734_272, "free": 33_792_000_000_u64},
        }),
        load: json!({"1min": 2.1, "5min": 1.8, "15min": 1.6, "cpu_count": 16}),
        uptime: json!("11 days, 0 hours, 0 minutes"),
        mount_points: json!(["/", "/boot", "/home/ann/remote"]),
    })
    .await;
}
